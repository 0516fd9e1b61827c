// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterPlace } from '../../../src/cluster/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import type { Check } from '../../../src/control/index.ts';
import {
  clusterChecks,
  nodeChecks,
  placeChecks,
  quorumChecks,
  swarmManagerChecks,
} from '../../../src/daemon/doctor-cluster.ts';
import { EngineClient, type EngineNode } from '../../../src/engine/index.ts';
import { FakeCluster, nodeOf } from '../../support/fake-cluster.ts';
import { FakeEngine } from '../../support/fake-engine.ts';

const PLACE: ClusterPlace = {
  role: 'manager',
  nodeId: 'id1',
  address: '10.0.0.1:7373',
  problem: undefined,
  certificate: undefined,
};

function swarmNode(id: string, role: EngineNode['role'] = 'manager'): EngineNode {
  return { id, hostname: `host-${id}`, role, labels: {} };
}

function only(checks: readonly Check[]): Check {
  const [check, ...others] = checks;
  assert.equal(others.length, 0);
  return check ?? assert.fail('there is a check');
}

test('a node that others reach says where, and one that listens nowhere says so', () => {
  assert.match(
    only(placeChecks(PLACE)).message,
    /^this node is the manager id1 and is reached at 10\.0\.0\.1:7373$/,
  );
  const off = only(placeChecks({ ...PLACE, address: undefined }));
  assert.equal(off.level, 'ok');
  assert.match(off.message, /COFFER_LISTEN=off/);
  assert.deepEqual(placeChecks({ ...PLACE, role: undefined }), [], 'it has not joined: the store says why');
});

test('a port that is taken is a warning, and a removal a failure, each with its mend', () => {
  const taken = new CofferError('settings.invalid', 'port 7373 is taken', { hint: 'Set COFFER_LISTEN.' });
  assert.deepEqual(only(placeChecks({ ...PLACE, problem: taken })), {
    name: 'cluster',
    level: 'warning',
    message: 'port 7373 is taken',
    mend: 'Set COFFER_LISTEN.',
  });
  const silent = new CofferError('transport.timeout', 'no manager answers');
  assert.match(only(placeChecks({ ...PLACE, problem: silent })).mend ?? '', /managers run/);
  const removed = new CofferError('cluster.node-removed', 'it was removed');
  assert.equal(only(placeChecks({ ...PLACE, problem: removed })).level, 'failure');
});

test('a cluster without a leader is a failure, each warning about its quorum a warning, all else well', async () => {
  const cluster = new FakeCluster();
  assert.deepEqual(only(quorumChecks(await cluster.describe())), {
    name: 'quorum',
    level: 'ok',
    message: 'one leads a cluster of 3 managers and 1 worker',
  });
  cluster.warnings = ['2 managers vote, an even number.', 'One of them cannot be reached.'];
  const warned = quorumChecks(await cluster.describe());
  assert.deepEqual(
    warned.map(({ level, message }) => [level, message]),
    [
      ['warning', '2 managers vote, an even number'],
      ['warning', 'One of them cannot be reached'],
    ],
  );
  cluster.leader = undefined;
  assert.equal(only(quorumChecks(await cluster.describe())).level, 'failure');
});

test('nodes that were not heard from are named, those that catch up are well', () => {
  assert.deepEqual(nodeChecks([nodeOf('id1', 'one')]), []);
  const joining = only(nodeChecks([nodeOf('id1', 'one'), nodeOf('id2', 'two', { status: 'joining' })]));
  assert.deepEqual([joining.level, joining.message], ['ok', 'catching up, and voting soon: two']);
  const down = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => nodeOf(id, `host-${id}`, { status: 'down' }));
  const { level, message } = only(nodeChecks(down));
  assert.equal(level, 'warning');
  assert.equal(message, 'not heard from: host-a, host-b, host-c, host-d, host-e and 2 more');
});

test('a manager of the swarm without a manager of coffer is named; a worker of the swarm needs none', () => {
  const nodes = [nodeOf('id1', 'one'), nodeOf('id2', 'two', { role: 'worker' })];
  const swarm = [swarmNode('engine-id1'), swarmNode('engine-id2'), swarmNode('x'), swarmNode('y', 'worker')];
  const { level, message } = only(swarmManagerChecks(swarm, nodes, 'engine-id1'));
  assert.equal(level, 'warning');
  assert.match(message, /^swarm managers host-engine-id2, host-x have no coffer/);
  const one = only(swarmManagerChecks(swarm.slice(2), nodes, 'engine-id1'));
  assert.match(one.message, /^swarm manager host-x has no coffer/);
  assert.equal(only(swarmManagerChecks(swarm.slice(0, 1), nodes, 'engine-id1')).level, 'ok');
  const unsaid = [nodeOf('id1', 'one', { engineNodeId: '' })];
  assert.equal(
    only(swarmManagerChecks(swarm.slice(0, 1), unsaid, 'engine-id1')).level,
    'ok',
    'this very node',
  );
});

test('all of it is asked for: the cluster, and the engine for its swarm', async (context) => {
  const engine = await new FakeEngine().start();
  context.after(() => engine.remove());
  const client = new EngineClient({ socketPath: engine.socketPath, timeout_ms: 5_000 });
  engine.handler = (request, response) => {
    if (request.url?.endsWith('/nodes') !== true) {
      return false;
    }
    const node = { ID: 'other', Description: { Hostname: 'elsewhere' }, Spec: { Role: 'manager' } };
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify([node]));
    return true;
  };
  const cluster = new FakeCluster();
  const examined = async (admin = (): FakeCluster => cluster): Promise<readonly string[]> =>
    (await clusterChecks({ place: () => PLACE, admin, engine: client })).map(
      ({ name, level }) => `${name} ${level}`,
    );
  assert.deepEqual(await examined(), ['cluster ok', 'quorum ok', 'nodes warning', 'swarm managers warning']);
  engine.swarmState = 'inactive';
  assert.deepEqual(await examined(), ['cluster ok', 'quorum ok', 'nodes warning']);
  const worker = (): FakeCluster => {
    throw new CofferError('cluster.not-a-manager', 'this node is a worker');
  };
  assert.deepEqual(await examined(worker), ['cluster ok'], 'the store tells the rest');
  cluster.refusal = new CofferError('store.unavailable', 'the cluster has no leader now');
  assert.deepEqual(await examined(), ['cluster ok', 'quorum failure']);
});
