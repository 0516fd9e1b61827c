// SPDX-License-Identifier: Apache-2.0
// What the engine is answered where a policy says who may have a secret.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRuleObject } from '../../../src/membership/index.ts';
import { aNode, anAuthority, aRule } from '../../support/cluster-objects.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { textOf, withPlugin } from './plugin-harness.ts';

const WEB = {
  SecretName: 'db',
  ServiceName: 'shop_web',
  ServiceLabels: { 'com.docker.stack.namespace': 'shop', tier: 'front' },
  TaskID: 't1',
  TaskImage: 'redis:8',
  NodeID: 'engine1',
};

async function addRule(store: MemoryStore, id: string, over: Partial<PolicyRuleObject> = {}): Promise<void> {
  await store.propose({ kind: 'put-policy-rule', rule: aRule(id, over) });
}

async function denyByDefault(store: MemoryStore): Promise<void> {
  const policy = { kind: 'policy-default', effect: 'deny', setAt_ms: 1 } as const;
  await store.propose({ kind: 'set-policy-default', policy });
}

const remove = (store: MemoryStore, id: string): Promise<unknown> =>
  store.propose({ kind: 'remove-policy-rule', id });

test('a task that a rule denies gets nothing, is told the rule, and gets its value when the rule has gone', async () => {
  await withPlugin(async ({ getSecret, put, refusals, store }) => {
    await put('db', 'v1');
    assert.equal(textOf(await getSecret(WEB)), 'v1', 'a task that was given it before');
    await addRule(store, 'rule1', { effect: 'deny', service: 'shop_*' });
    const { Err, Value } = await getSecret(WEB);
    assert.equal(Value, undefined);
    assert.equal(Err, '[policy.denied] rule rule1 denies service shop_web the secret db');
    const [refused] = refusals.list();
    assert.ok(refused?.kind === 'secret');
    assert.deepEqual([refused.service, refused.error.code], ['shop_web', 'policy.denied']);
    assert.match(refused.error.hint ?? '', /docker coffer policy ls.*docker coffer policy rm rule1/);
    assert.equal(textOf(await getSecret({ ...WEB, ServiceName: 'other' })), 'v1');
    await remove(store, 'rule1');
    assert.equal(textOf(await getSecret(WEB)), 'v1');
  });
});

test('where nothing is given without a rule, a rule lets its services in, and no others', async () => {
  await withPlugin(async ({ getSecret, put, store }) => {
    await put('db', 'v');
    await denyByDefault(store);
    assert.match((await getSecret(WEB)).Err ?? '', /policy\.denied\] no rule allows service shop_web/);
    await addRule(store, 'rule1', { stack: 'shop', serviceLabels: { tier: 'front' }, image: 'redis:8' });
    assert.equal(textOf(await getSecret(WEB)), 'v');
    for (const other of [
      { ServiceLabels: { tier: 'front' } },
      { ServiceLabels: { ...WEB.ServiceLabels, tier: 'back' } },
      { ServiceLabels: null },
      { TaskImage: 'redis:7' },
      { TaskImage: '' },
    ]) {
      const { Err } = await getSecret({ ...WEB, ...other });
      assert.match(Err ?? '', /policy\.denied/, JSON.stringify(other));
    }
  });
});

test('a rule is about the secret that is in the store, by whatever name the engine asks for it', async () => {
  await withPlugin(async ({ getSecret, put, store }) => {
    await put('db', 'v');
    await put('api', 'v');
    await addRule(store, 'rule1', { effect: 'deny' });
    for (const asked of [
      { SecretName: 'api', SecretLabels: { 'coffer.name': 'db' } },
      { SecretName: 'api', SecretLabels: { 'coffer.name': 'DB', 'coffer.version': '1' } },
      { SecretName: 'Db' },
    ]) {
      assert.match(
        (await getSecret({ ...WEB, ...asked })).Err ?? '',
        /policy\.denied/,
        JSON.stringify(asked),
      );
    }
    const other = { SecretName: 'db', SecretLabels: { 'coffer.name': 'api' } };
    assert.equal(textOf(await getSecret({ ...WEB, ...other })), 'v');
  });
});

test('whoever is denied a secret neither has it generated nor learns whether there is one', async () => {
  await withPlugin(async ({ getSecret, store }) => {
    await addRule(store, 'rule1', { effect: 'deny', secret: 'new*' });
    const labels = { 'coffer.generate': 'uuid' };
    for (const SecretName of ['new1', 'new2']) {
      const { Err } = await getSecret({ ...WEB, SecretName, SecretLabels: labels });
      assert.match(Err ?? '', /policy\.denied/);
      assert.equal(store.byName(SecretName), undefined);
    }
    assert.match((await getSecret({ ...WEB, SecretName: 'new3' })).Err ?? '', /policy\.denied/);
  });
});

test('labels of a node that are not known deny by a rule that denies, and let nobody in by one that allows', async () => {
  await withPlugin(async ({ getSecret, put, store, swarmNodes }) => {
    await put('db', 'v');
    await addRule(store, 'deny', { effect: 'deny', nodeLabels: { zone: 'dmz' } });
    const answer = async (): Promise<string> => {
      const { Err, Value } = await getSecret(WEB);
      return Err ?? `given ${Buffer.from(Value ?? '', 'base64').toString()}`;
    };
    assert.match(await answer(), /rule deny denies .*, as long as it cannot be told/);
    swarmNodes.set('engine1', { hostname: 'web-1', labels: { zone: 'inner' } });
    assert.equal(await answer(), 'given v');
    swarmNodes.set('engine1', { hostname: 'web-1', labels: { zone: 'dmz' } });
    assert.equal(await answer(), '[policy.denied] rule deny denies service shop_web the secret db');
    await remove(store, 'deny');
    await denyByDefault(store);
    await addRule(store, 'allow', { nodeLabels: { zone: 'dmz' } });
    assert.equal(await answer(), 'given v');
    swarmNodes.clear();
    assert.match(await answer(), /no rule allows/);
  });
});

test('a node is known by its ids, by the hostname that the swarm has, and by that which the cluster has', async () => {
  await withPlugin(async ({ getSecret, put, store, swarmNodes }) => {
    await put('db', 'v');
    const node = { ...aNode('first', 'manager', 1), engineNodeId: 'engine1' };
    await store.propose({ kind: 'establish-cluster', authority: anAuthority(), node });
    swarmNodes.set('engine1', { hostname: 'web-1', labels: {} });
    for (const [name, denied] of [
      ['engine1', true],
      ['id-first', true],
      ['first', true],
      ['web-1', true],
      ['web-2', false],
    ] as const) {
      await addRule(store, `rule-${name}`, { effect: 'deny', node: name });
      const { Err } = await getSecret(WEB);
      assert.equal(Err !== undefined, denied, name);
      await remove(store, `rule-${name}`);
    }
    await addRule(store, 'rule', { effect: 'deny', node: 'web-2' });
    assert.match((await getSecret({ ...WEB, NodeID: '' })).Err ?? '', /cannot be told/);
  });
});

test('tasks share no value while somebody may be denied it, or a task that is denied would start with another one’s', async () => {
  await withPlugin(async ({ getSecret, put, store }) => {
    await put('db', 'v');
    const shared = { ...WEB, SecretLabels: { 'coffer.reuse': 'true' } };
    assert.equal((await getSecret(shared)).DoNotReuse, false);
    await addRule(store, 'allow');
    assert.equal((await getSecret(shared)).DoNotReuse, false, 'a rule that allows denies nobody');
    await addRule(store, 'deny', { effect: 'deny', service: 'other' });
    assert.deepEqual(await getSecret(shared), {
      Value: Buffer.from('v').toString('base64'),
      DoNotReuse: true,
    });
  });
});
