// SPDX-License-Identifier: Apache-2.0
// Whom a change reaches.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NodeFacts } from '../../../src/distribution/protocol.ts';
import type { EngineNode } from '../../../src/engine/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import type { FarEnd } from './dispatcher-harness.ts';
import { DistributorHarness, settled } from './distributor-harness.ts';
import { container, CONTAINER_ID, grant, mount, swarm, task } from './facts.ts';

const WEB: NodeFacts = { containers: [container()] };
const KEY = `container/${CONTAINER_ID}`;
const LATER = { begunAt_ms: 1_000_000 };

describe('a change reaches the nodes that it concerns, and no others', () => {
  async function both(): Promise<{ harness: DistributorHarness; a: FarEnd; b: FarEnd }> {
    const tasks = [task('t'), task('u', { nodeId: 'engine-b', mounts: [mount('api'), mount('key')] })];
    const harness = await DistributorHarness.leading(swarm(tasks, LATER));
    const [a, b] = [await settled(harness, 'a', WEB), await settled(harness, 'b')];
    return { harness, a, b };
  }

  test('a new version', async () => {
    const { harness, a, b } = await both();
    harness.put('db');
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [['put db 2: id-db 2'], []]);
  });

  test('many versions in a moment, as one', async () => {
    const { harness, a } = await both();
    for (let version = 0; version < 50; version += 1) {
      harness.put('db');
    }
    await harness.settle();
    assert.deepEqual(a.news(), ['put db 51: id-db 51']);
    assert.equal(harness.reads, 3, 'each value is read when it is sent');
  });

  test('a rule that denies, and its end', async () => {
    const { harness, a, b } = await both();
    const rule = aRule('rule', { effect: 'deny', secret: 'd*', service: 'web' });
    harness.grant(rule);
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [['put task/t: [db: policy.denied]', 'remove id-db'], []]);
    a.acknowledge();
    harness.revoke(rule);
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [['put db 1: id-db 1', 'put task/t: db'], []]);
  });

  test('a label of a node that a rule is about', async () => {
    const { harness, a, b } = await both();
    harness.grant(aRule('rule', { effect: 'deny', secret: '*', nodeLabels: { zone: 'dmz' } }));
    await harness.settle();
    // The swarm that was read has no nodes: what their labels are, nobody can tell.
    assert.deepEqual(a.news(), ['put task/t: [db: policy.denied]', 'remove id-db']);
    assert.deepEqual(b.news(), ['put task/u: [api: policy.denied] [key: policy.denied]', 'remove id-api']);
    a.acknowledge();
    b.acknowledge();
    const tasks = [task('t'), task('u', { nodeId: 'engine-b', mounts: [mount('api'), mount('key')] })];
    const nodes = (zone: string): readonly EngineNode[] => [
      { id: 'engine-a', hostname: 'a', role: 'worker', labels: { zone: 'inner' } },
      { id: 'engine-b', hostname: 'b', role: 'worker', labels: { zone } },
    ];
    harness.swarm.become(swarm(tasks, { begunAt_ms: 1_000_001, nodes: nodes('dmz') }));
    await harness.settle();
    // The reason is another one now.
    const again = 'put task/u: [api: policy.denied] [key: policy.denied]';
    assert.deepEqual([a.news(), b.news()], [['put db 1: id-db 1', 'put task/t: db'], [again]]);
    b.acknowledge();
    harness.swarm.become(swarm(tasks, { begunAt_ms: 1_000_002, nodes: nodes('inner') }));
    await harness.settle();
    assert.deepEqual(
      [a.news(), b.news()],
      [[], ['put api 1: id-api 1', 'put task/u: api [key: secret.not-found]']],
    );
  });

  test('a secret that was missing', async () => {
    const { harness, a, b } = await both();
    harness.put('KEY');
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [[], ['put KEY 1: id-KEY 1', 'put task/u: api KEY']]);
  });

  test('a secret that is still pending, when it is not any more', async () => {
    const { harness, b } = await both();
    harness.put('key', { pending: true });
    await harness.settle();
    assert.deepEqual(b.news(), []);
    harness.put('key', { versions: [{ number: 1, createdAt_ms: 0, size: 1 }] });
    await harness.settle();
    assert.deepEqual(b.news(), ['put key 1: id-key 1', 'put task/u: api key']);
  });

  test('a secret that is removed', async () => {
    const { harness, a, b } = await both();
    harness.remove('db');
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [['put task/t: [db: secret.not-found]', 'remove id-db'], []]);
  });

  test('a secret that nobody mounts', async () => {
    const { harness, a, b } = await both();
    harness.put('other');
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [[], []]);
  });

  test('a grant, and its end', async () => {
    const { harness, a, b } = await both();
    harness.grant(grant('api'));
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [['put api 1: id-api 1', `put ${KEY}: api`], []]);
    a.acknowledge();
    harness.revoke(grant('api'));
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [[`put ${KEY}:`, 'remove id-api'], []]);
  });

  test('a task that moves', async () => {
    const { harness, a, b } = await both();
    const tasks = [
      task('v', { nodeId: 'engine-b' }),
      task('u', { nodeId: 'engine-b', mounts: [mount('api'), mount('key')] }),
    ];
    harness.swarm.become(swarm(tasks, LATER));
    await harness.settle();
    assert.deepEqual(a.news(), ['remove task/t', 'remove id-db']);
    assert.deepEqual(b.news(), ['put db 1: id-db 1', 'put task/v: db']);
  });

  test('a service that is removed while its task still runs', async () => {
    const { harness, a } = await both();
    harness.swarm.become(swarm([task('t')], { ...LATER, services: [] }));
    await harness.settle();
    assert.deepEqual(a.news(), ['remove task/t', 'remove id-db']);
  });

  test('a swarm that is read again and says the same costs no plan', async () => {
    const { harness, a, b } = await both();
    const { lookups } = harness;
    const tasks = [task('t'), task('u', { nodeId: 'engine-b', mounts: [mount('api'), mount('key')] })];
    harness.swarm.become(swarm(tasks, { begunAt_ms: LATER.begunAt_ms + 1 }));
    await harness.settle();
    assert.deepEqual([harness.lookups, a.news(), b.news()], [lookups, [], []]);
  });

  test('a service that mounts something else under the same name', async () => {
    const { harness, a } = await both();
    harness.swarm.become(swarm([task('t', { mounts: [mount('db', { secret: 'api' })] })], LATER));
    await harness.settle();
    assert.deepEqual(a.news(), ['put api 1: id-api 1', 'put task/t: api', 'remove id-db']);
  });

  test('an engine that does not answer any more changes nothing', async () => {
    const { harness, a, b } = await both();
    harness.swarm.become('unknown');
    harness.put('db');
    await harness.settle();
    assert.deepEqual([a.news(), b.news()], [['put db 2: id-db 2'], []]);
  });

  test('a swarm that was left takes the tasks with it', async () => {
    const { harness, a } = await both();
    harness.swarm.become(undefined);
    await harness.settle();
    assert.deepEqual(a.news(), ['remove task/t', 'remove id-db']);
  });

  test('a node that is beside another engine than it was', async () => {
    const { harness, a, b } = await both();
    harness.addNode('b', { engineNodeId: '' });
    harness.addNode('a', { engineNodeId: 'engine-b' });
    await harness.settle();
    assert.deepEqual(a.news(), [
      'put api 1: id-api 1',
      'put task/u: api [key: secret.not-found]',
      'remove task/t',
      'remove id-db',
    ]);
    assert.deepEqual(b.news(), ['remove task/u', 'remove id-api']);
  });

  test('a node that says it is beside an engine where another one is has none of its tasks', async () => {
    const { harness, a } = await both();
    harness.addNode('late', { engineNodeId: 'engine-a', joinedAt_ms: 2_000 });
    const late = harness.connect('late').register();
    await harness.settle();
    assert.deepEqual(late.news(), []);
    assert.deepEqual(a.news(), []);
  });

  test('a node that is removed loses its session at once, and is not let in again', async () => {
    const { harness, a, b } = await both();
    harness.removeNode('a');
    assert.equal(a.reason()?.code, 'cluster.node-removed');
    assert.equal(harness.connect().register().reason()?.code, 'cluster.node-unknown');
    harness.put('db');
    harness.put('api');
    await harness.settle();
    assert.deepEqual(b.news(), ['put api 2: id-api 2']);
  });
});
