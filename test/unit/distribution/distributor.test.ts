// SPDX-License-Identifier: Apache-2.0
// What a leader does when something changes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { NodeFacts } from '../../../src/distribution/protocol.ts';
import type { FarEnd } from './dispatcher-harness.ts';
import { DistributorHarness, settled } from './distributor-harness.ts';
import { container, CONTAINER_ID, grant, mount, swarm, task } from './facts.ts';

const WEB: NodeFacts = { containers: [container()] };
const KEY = `container/${CONTAINER_ID}`;
const LATER = { begunAt_ms: 1_000_000 };

describe('a manager that begins to lead', () => {
  test('refuses nodes before, and after it has stopped', async () => {
    const harness = new DistributorHarness();
    const refusal = { code: 'cluster.not-leader' };
    assert.throws(() => harness.connect(), refusal);
    harness.addNode('a');
    harness.distributor.start();
    harness.swarm.become(undefined);
    const far = harness.connect().register();
    await harness.settle();
    harness.distributor.stop();
    assert.equal(far.reason()?.code, 'cluster.not-leader');
    assert.throws(() => harness.connect(), refusal);
    assert.deepEqual(harness.distributor.list(), []);
    assert.equal(harness.listeners, 0, 'nothing is watched any more');
  });

  test('tells of each value that it sends, to which node, and of none again while the node has it', async () => {
    const harness = await DistributorHarness.leading(swarm([task('t')], LATER));
    const far = harness.connect().register(WEB);
    await harness.settle();
    far.acknowledge();
    const [first, ...more] = harness.deliveries;
    assert.match(first ?? '', /^a \S+ 1$/);
    assert.deepEqual(more, []);
    harness.put('db');
    await harness.settle();
    assert.match(harness.deliveries[1] ?? '', /^a \S+ 2$/);
    assert.equal(harness.deliveries.length, 2);
  });

  test('knows of nodes what they have acknowledged, and nothing of one that has gone', async () => {
    const harness = await DistributorHarness.leading(swarm([task('t')], LATER));
    const held = (): readonly string[] | undefined =>
      harness.distributor
        .holdings()
        ?.flatMap(({ holders, nodeId }) =>
          holders.map(
            ({ id, kind, name, secrets }) =>
              `${nodeId}: ${kind} ${id}${name} has ${secrets.map((one) => `${one.name} ${one.version}`).join(', ')}`,
          ),
        );
    harness.grant(grant('api'));
    const far = harness.connect().register(WEB);
    await harness.settle();
    assert.deepEqual(held(), [], 'it was sent, and may not have come');
    far.acknowledge();
    const { name } = container();
    const ofContainer = `a: container ${CONTAINER_ID}${name} has api 1`;
    assert.deepEqual(held(), ['a: task t has db 1', ofContainer]);
    harness.put('db');
    await harness.settle();
    assert.deepEqual(held(), ['a: task t has db 1', ofContainer], 'the old one is not replaced yet');
    far.acknowledge();
    assert.deepEqual(held(), ['a: task t has db 2', ofContainer]);
    harness.revoke(grant('api'));
    await harness.settle();
    far.acknowledge();
    assert.deepEqual(held(), ['a: task t has db 2']);
    far.breakOff();
    assert.deepEqual(held(), []);
    harness.distributor.stop();
    assert.equal(held(), undefined);
  });

  test('gives nobody the CA for workloads, whatever is granted or mounted', async () => {
    const harness = await DistributorHarness.leading('unknown');
    harness.put('coffer.workload-ca');
    harness.grant(grant('coffer.workload-ca'));
    harness.grant(grant('api'));
    const far = harness.connect().register(WEB);
    harness.swarm.become(swarm([task('t', { mounts: [mount('coffer.workload-ca')] })], LATER));
    await harness.settle();
    assert.match(far.news().join(), /api/);
    assert.doesNotMatch(far.news().join(), /workload-ca/);
    assert.equal(harness.deliveries.length, 1);
  });

  test('answers nobody before it has read the swarm once', async () => {
    const harness = await DistributorHarness.leading('unknown');
    const far = harness.connect().register(WEB);
    await harness.settle();
    assert.deepEqual(far.messages, []);
    harness.swarm.become(swarm([task('t')], LATER));
    await harness.settle();
    assert.deepEqual(far.news(), ['put db 1: id-db 1', 'put task/t: db', `put ${KEY}:`]);
  });

  test('goes by grants alone while its engine does not tell of the swarm, and takes nothing away by that', async () => {
    const harness = await DistributorHarness.leading('unknown');
    harness.grant(grant('db'));
    const ofTask = { ...container(), id: 'f'.repeat(64), taskId: 't' };
    const far = harness.connect().register({ containers: [container(), ofTask] });
    await harness.settle();
    harness.clock.advance(1_000);
    await harness.settle();
    assert.deepEqual(far.news(), ['put db 1: id-db 1', `put ${KEY}: db`]);
    far.acknowledge();
    harness.revoke(grant('db'));
    await harness.settle();
    assert.deepEqual(far.news(), [`put ${KEY}:`]);
    far.acknowledge();
    assert.ok(far.assignments.every(({ complete }) => !complete));

    harness.swarm.become(swarm([task('t')], { begunAt_ms: 1_000_000 }));
    await harness.settle();
    assert.deepEqual(far.news(), ['put db 1: id-db 1', 'put task/t: db', `put ${KEY}:`]);
    assert.equal(far.assignments.at(-1)?.complete, true);
    far.acknowledge();
    harness.swarm.become(swarm([], { begunAt_ms: 2_000_000 }));
    await harness.settle();
    assert.deepEqual(far.news(), ['put task/t:', 'remove id-db']);
    assert.equal(far.assignments.at(-1)?.complete, false);
  });

  test('answers when it knows that there is no swarm', async () => {
    const harness = await DistributorHarness.leading('unknown');
    const far = harness.connect().register(WEB);
    harness.swarm.become(undefined);
    await harness.settle();
    assert.deepEqual(far.news(), [`put ${KEY}:`]);
  });

  test('does not take a swarm for known that was read before it led', async () => {
    const harness = await DistributorHarness.leading(swarm([], { begunAt_ms: 999 }));
    assert.equal(harness.swarm.refreshes, 1, 'it has it read');
    const far = harness.connect().register();
    await harness.settle();
    assert.deepEqual(far.messages, []);
    harness.swarm.become(swarm([], { begunAt_ms: 1_000 }));
    await harness.settle();
    assert.equal(far.assignments.length, 1);
  });

  test('answers nobody before its own state has all that the leader before it has acknowledged', async () => {
    const harness = new DistributorHarness();
    harness.addNode('a');
    harness.freshness = 'local';
    harness.distributor.start();
    harness.swarm.become(undefined);
    const far = harness.connect().register();
    for (let rounds = 0; rounds < 5; rounds += 1) {
      await harness.settle();
      harness.clock.advance(100);
    }
    assert.deepEqual(far.messages, []);
    harness.freshness = 'linearizable';
    harness.clock.advance(100);
    await harness.settle();
    assert.equal(far.assignments.length, 1);
  });

  test('starts anew when it leads again: nothing is kept from the time before', async () => {
    const harness = await DistributorHarness.leading(swarm([task('t')], LATER));
    await settled(harness);
    harness.distributor.stop();
    harness.distributor.start();
    harness.distributor.start();
    harness.swarm.become(swarm([], LATER));
    await harness.settle();
    assert.deepEqual(harness.distributor.list(), []);
    const far = harness.connect().register();
    await harness.settle();
    assert.deepEqual(far.assignments[0]?.changes, []);
    assert.equal(harness.listeners, 3);
  });
});

describe('what a node reports', () => {
  test('is answered at once if the facts are there', async () => {
    const harness = await DistributorHarness.leading();
    harness.grant(grant('db'));
    const far = await settled(harness);
    far.report(WEB);
    assert.deepEqual(far.news(), ['put db 1: id-db 1', `put ${KEY}: db`]);
    far.acknowledge();
    far.report({ containers: [] });
    assert.deepEqual(far.news(), [`remove ${KEY}`, 'remove id-db']);
  });

  test('has the swarm read again if it names a task that is not known, and is answered when it was', async () => {
    const harness = await DistributorHarness.leading(swarm([], LATER));
    harness.clock.advance(LATER.begunAt_ms);
    const far = await settled(harness);
    const { refreshes } = harness.swarm;
    far.report({ containers: [container({ taskId: 't' })] });
    assert.equal(harness.swarm.refreshes, refreshes + 1);
    harness.swarm.become(swarm([], { begunAt_ms: harness.clock.now_ms() - 100 }));
    await harness.settle();
    assert.deepEqual(far.news(), [], 'that reading had begun before');
    harness.swarm.become(swarm([task('t')], { begunAt_ms: harness.clock.now_ms() }));
    await harness.settle();
    assert.deepEqual(far.news(), ['put db 1: id-db 1', 'put task/t: db']);
    assert.equal(harness.swarm.refreshes, refreshes + 1, 'it is not read for what is known');
  });

  test('is refused if the task is another node’s', async () => {
    const harness = await DistributorHarness.leading(swarm([task('t', { nodeId: 'engine-b' })], LATER));
    const far = harness.connect().register({ containers: [container({ taskId: 't' })] });
    await harness.settle();
    assert.deepEqual(far.news(), ['put task/t:']);
  });
});

test('a store that fails ends the sessions, and takes nothing from the nodes; they are taken again when it works', async () => {
  const harness = await DistributorHarness.leading(swarm([task('t')], LATER));
  const far = await settled(harness);
  harness.storeError = new CofferError('store.faulted', 'the disk is gone');
  harness.swarm.become(swarm([task('t'), task('u')], LATER));
  await harness.settle();
  assert.equal(far.reason()?.code, 'store.faulted');
  assert.deepEqual(far.news(), []);
  assert.equal(harness.connect().register().reason()?.code, 'store.faulted');
  harness.storeError = undefined;
  const again = harness.connect().register();
  await harness.settle();
  assert.deepEqual(again.news(), ['put db 1: id-db 1', 'put task/t: db', 'put task/u: db']);
});

test('a thousand nodes with one secret all have its new version, which is opened once for many of them', async () => {
  const harness = await DistributorHarness.leading();
  const ends: FarEnd[] = [];
  for (let at = 0; at < 1_000; at += 1) {
    harness.addNode(`node-${at}`);
    harness.grant(grant('db', { id: `grant-${at}`, nodeId: `node-${at}` }));
    harness.clock.advance(2);
    ends.push(harness.connect(`node-${at}`).register(WEB));
  }
  await harness.settle();
  ends.forEach((far) => far.acknowledge());
  ends.forEach((far) => far.news());
  const [reads, delivered] = [harness.reads, harness.deliveries.length];
  harness.put('db');
  await harness.settle();
  assert.ok(ends.every((far) => far.news().join() === 'put db 2: id-db 2'));
  assert.ok(harness.reads - reads < 10, `${harness.reads - reads} times`);
  const told = new Set(harness.deliveries.slice(delivered));
  assert.equal(told.size, 1_000, 'each delivery is told of');
  assert.equal(harness.distributor.list().length, 1_000);
});
