// SPDX-License-Identifier: Apache-2.0
// Secrets whose values lie sealed in their own labels, as the engine asks for them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newSealingKey, parseSealed } from '../../../src/sealing/index.ts';
import { sealedDeliveryId } from '../../../src/secrets/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { addSealingKey, sealedFor } from '../../support/sealed-values.ts';
import { type Answer, type PluginHarness, textOf, withPlugin } from './plugin-harness.ts';

const SHOP = { name: 'shop_db', stack: 'shop' };
const IN_SHOP = { 'com.docker.stack.namespace': 'shop' };
const TASK = { ServiceName: 'shop_web', TaskID: 'task1', NodeID: 'node1' };

function ask(
  { getSecret }: PluginHarness,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<Answer> {
  return getSecret({ ...TASK, SecretName: name, SecretLabels: labels });
}

test('a task gets what is sealed in the label, byte for byte, and nothing is stored', async () => {
  await withPlugin(async (plugin) => {
    const { audit, logged, provider, store } = plugin;
    const value = Buffer.from([0, 255, 10, 0, 7]);
    const label = sealedFor(await addSealingKey(store), SHOP, value);
    const labels = { ...IN_SHOP, 'coffer.sealed': label };
    const answer = await ask(plugin, 'shop_db', labels);
    assert.deepEqual(answer, { Value: value.toString('base64'), DoNotReuse: true });
    assert.deepEqual(store.list(), []);
    await provider.flush();
    const { valueId } = parseSealed(label);
    assert.deepEqual(store.deliveries(), [
      {
        taskId: 'task1',
        secretId: sealedDeliveryId(valueId),
        name: 'shop_db',
        version: 0,
        pinned: false,
        at_ms: 1,
      },
    ]);
    assert.deepEqual(audit.records, [
      {
        event: 'deliver',
        secret: 'shop_db',
        service: 'shop_web',
        task: 'task1',
        to: 'node1',
        by: 'engine',
        detail: `sealed value ${valueId}`,
      },
    ]);
    assert.ok(!logged().includes(label.slice(-40)), 'the label is in no log');
    const reused = await ask(plugin, 'shop_db', { ...labels, 'coffer.reuse': 'true' });
    assert.equal(reused.DoNotReuse, false);
  });
});

test('a label that was changed gives the new value to whoever asks, the same task too', async () => {
  await withPlugin(async (plugin) => {
    const key = await addSealingKey(plugin.store);
    for (const value of ['one', 'two', 'one']) {
      const answer = await ask(plugin, 'db', { 'coffer.sealed': sealedFor(key, 'db', value) });
      assert.equal(textOf(answer), value);
      await plugin.provider.flush();
    }
  });
});

test('a label that is copied elsewhere, damaged, of another cluster, or beside another source is refused, and why', async () => {
  await withPlugin(async (plugin) => {
    const { put, refusals, store } = plugin;
    const key = await addSealingKey(store);
    const label = sealedFor(key, SHOP, 'a secret value');
    const stranger = newSealingKey('s'.repeat(25), 1);
    await put('stored', 'value');
    const cases: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
      [
        'shop_api',
        { ...IN_SHOP, 'coffer.sealed': label },
        /^\[sealed.scope\] the value was sealed for secret shop_db of stack shop, and not for secret shop_api of stack shop/,
      ],
      ['shop_db', { 'coffer.sealed': label }, /^\[sealed.scope\].* not for secret shop_db outside of stacks/],
      [
        'shop_db',
        { 'com.docker.stack.namespace': 'shop2', 'coffer.sealed': label },
        /^\[sealed.scope\].* of stack shop2/,
      ],
      ['shop_db', { ...IN_SHOP, 'coffer.sealed': label.slice(0, -4) }, /^\[sealed.invalid\] .* cut short/],
      ['shop_db', { ...IN_SHOP, 'coffer.sealed': '' }, /^\[sealed.invalid\] a sealed value begins with/],
      [
        'db',
        { 'coffer.sealed': sealedFor(stranger, 'db', 'x') },
        /^\[sealed.key-unknown\] this cluster does not have the key [0-9a-f]{16}/,
      ],
      ['stored', { 'coffer.sealed': sealedFor(key, 'stored', 'x') }, /^\[sealed.conflict\] /],
      ...(['name', 'version', 'generate', 'rotate'] as const).map(
        (other) =>
          [
            'db',
            { 'coffer.sealed': sealedFor(key, 'db', 'x'), [`coffer.${other}`]: 'y' },
            new RegExp(
              `^\\[secret.label-invalid\\] .* and label coffer.${other} says that it is another one`,
            ),
          ] as const,
      ),
    ];
    for (const [name, labels, sentence] of cases) {
      const { Err = '', Value } = await ask(plugin, name, labels);
      assert.match(Err, sentence);
      assert.equal(Value, undefined);
      assert.ok(!Err.includes('a secret value'));
    }
    assert.equal(refusals.list().length, cases.length, 'each is remembered');
    await plugin.provider.flush();
    assert.deepEqual(store.deliveries(), []);
  });
});

test('the policy decides on a sealed value as on any other', async () => {
  await withPlugin(async (plugin) => {
    const { store } = plugin;
    const labels = { 'coffer.sealed': sealedFor(await addSealingKey(store), 'db', 'value') };
    await store.propose({
      kind: 'put-policy-rule',
      rule: aRule('no', { effect: 'deny', secret: 'db', service: 'shop_web' }),
    });
    assert.match((await ask(plugin, 'db', labels)).Err ?? '', /^\[policy.denied\]/);
    const other = await plugin.getSecret({ ServiceName: 'api', SecretName: 'db', SecretLabels: labels });
    assert.equal(textOf(other), 'value');
    assert.equal(other.DoNotReuse, true);
  });
});

test('what was sealed to an older key still opens, until that is forgotten', async () => {
  await withPlugin(async (plugin) => {
    const { store } = plugin;
    const old = await addSealingKey(store);
    const labels = { 'coffer.sealed': sealedFor(old, 'db', 'value') };
    const key = await addSealingKey(store, 2_000);
    assert.equal(textOf(await ask(plugin, 'db', labels)), 'value');
    assert.equal(textOf(await ask(plugin, 'db', { 'coffer.sealed': sealedFor(key, 'db', 'new') })), 'new');
    await store.propose({ kind: 'forget-sealing-key', id: old.id });
    assert.match((await ask(plugin, 'db', labels)).Err ?? '', /^\[sealed.key-unknown\]/);
  });
});
