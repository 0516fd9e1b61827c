// SPDX-License-Identifier: Apache-2.0
// What a manager knows of the swarm's nodes, while a rule asks for it.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import { SwarmNodes, type WatchedStore } from '../../../src/daemon/swarm-nodes.ts';
import { EngineClient } from '../../../src/engine/index.ts';
import { ClusterIndex, type PolicyRuleObject } from '../../../src/membership/index.ts';
import { aRule } from '../../support/cluster-objects.ts';
import { OneEngineSwarm } from '../../support/one-engine-swarm.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';

interface Room {
  readonly swarm: OneEngineSwarm;
  readonly clock: StillClock;
  readonly nodes: SwarmNodes;
  readonly add: (rule: PolicyRuleObject) => void;
  readonly remove: (rule: PolicyRuleObject) => void;
  readonly detach: () => void;
}

async function startRoom(t: TestContext): Promise<Room> {
  const swarm = await OneEngineSwarm.start(t);
  swarm.nodes = [
    { ID: 'n1', Description: { Hostname: 'web-1' }, Spec: { Role: 'worker', Labels: { zone: 'eu' } } },
  ];
  const clock = new StillClock();
  const engine = new EngineClient({ socketPath: swarm.engine.socketPath, timeout_ms: 2_000 });
  const nodes = new SwarmNodes({ engine, logger: silentLogger, clock });
  const cluster = new ClusterIndex();
  const listeners = new Set<() => void>();
  const store: WatchedStore = {
    cluster,
    replica: {
      watch: ({ onClusterChange }) => {
        listeners.add(onClusterChange);
        return () => void listeners.delete(onClusterChange);
      },
    },
  };
  const detach = nodes.attach(store);
  t.after(detach);
  const change = (kind: 'put-object' | 'delete-object') => (object: PolicyRuleObject) => {
    cluster.apply({ kind, object });
    listeners.forEach((listener) => listener());
  };
  return { swarm, clock, nodes, add: change('put-object'), remove: change('delete-object'), detach };
}

const known = ({ nodes }: Room): Promise<unknown> =>
  waitFor(() => nodes.node('n1') !== undefined, { what: 'the nodes', interval_ms: 2 });

test('nodes are read while a rule names one or a label of theirs, and not for any other', async (t) => {
  const room = await startRoom(t);
  const { add, nodes, remove, swarm } = room;
  add(aRule('other', { service: 'web', image: 'redis' }));
  assert.equal(swarm.engine.eventStreams.size, 0);
  for (const rule of [aRule('one', { node: 'web-1' }), aRule('two', { nodeLabels: { zone: 'eu' } })]) {
    assert.equal(nodes.node('n1'), undefined);
    add(rule);
    await known(room);
    assert.deepEqual(nodes.node('n1')?.labels, { zone: 'eu' });
    assert.equal(nodes.node('n2'), undefined);
    remove(rule);
    assert.equal(nodes.node('n1'), undefined, 'what is not read any more is not known');
  }
  assert.equal(swarm.reads, 0, 'tasks are not read');
  await waitFor(() => swarm.engine.eventStreams.size === 0, { what: 'the end of the event streams' });
});

test('a label that changes is known as soon as the engine tells of it', async (t) => {
  const room = await startRoom(t);
  const { add, nodes, swarm } = room;
  add(aRule('one', { nodeLabels: { zone: 'eu' } }));
  await known(room);
  await waitFor(() => swarm.engine.eventStreams.size === 1, { what: 'the event stream' });
  swarm.nodes = [{ ID: 'n1', Spec: { Role: 'worker', Labels: { zone: 'us' } } }];
  await waitFor(
    () => {
      swarm.emit('node', 'update', 'n1');
      room.clock.advance(100);
      return nodes.node('n1')?.labels['zone'] === 'us';
    },
    { what: 'the label' },
  );
});

test('what was read long ago is not known any more, and nothing is after the store was closed', async (t) => {
  const room = await startRoom(t);
  const { add, clock, detach, nodes, swarm } = room;
  add(aRule('one', { node: 'web-1' }));
  await known(room);
  await waitFor(() => swarm.engine.eventStreams.size === 1, { what: 'the event stream' });
  swarm.isBroken = true;
  for (let passed_s = 0; passed_s < 120; passed_s += 10) {
    clock.advance(10_000);
  }
  await waitFor(() => nodes.node('n1') === undefined, { what: 'the end of what was known' });
  swarm.isBroken = false;
  await waitFor(
    () => {
      clock.advance(1_000);
      return nodes.node('n1') !== undefined;
    },
    { what: 'the nodes again' },
  );
  detach();
  assert.equal(nodes.node('n1'), undefined);
});
