// SPDX-License-Identifier: Apache-2.0
// Whom a daemon asks why, and that it waits for nobody for long.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ManagerAnswer } from '../../../src/cluster/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import { ownReport } from '../../../src/daemon/own-report.ts';
import { readWhy, type WhySources } from '../../../src/daemon/read-why.ts';
import { Refusals } from '../../../src/plugin/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';

const NEVER = new Promise<never>(() => undefined);
const SILENT: ManagerAnswer = {
  kind: 'silent',
  nodeId: 'two',
  problem: new CofferError('transport.timeout', 'late'),
};

let store: MemoryStore;
let sources: WhySources;

beforeEach(() => {
  store = new MemoryStore();
  const info = {
    swarmState: 'active',
    controlAvailable: true,
    swarmId: 's',
    nodeId: 'e1',
    nodeAddress: undefined,
    managerAddresses: [],
    serverVersion: '28',
  } as const;
  sources = {
    engine: {
      info: async () => info,
      listServices: async () => [],
      listTasks: async () => [],
      listNodes: async () => [],
      listSecrets: async () => [],
      listContainers: async () => [],
    },
    store: () => store,
    nodeId: () => 'one',
    report: () => ownReport({ refusals: [], driverName: 'coffer', auditProblem: undefined, now_ms: 5 }),
    askOthers: async () => [SILENT],
    volumes: () => ({ registered: [], problem: undefined }),
    now_ms: () => 7,
  };
});

test('the engine, the store, the other managers and this node’s volumes are asked', async () => {
  const { now_ms, others, report, store: told, swarm, volumes } = await readWhy(sources);
  assert.deepEqual([now_ms, others, report.driverName], [7, [SILENT], 'coffer']);
  assert.deepEqual(swarm, {
    kind: 'known',
    services: [],
    tasks: [],
    nodes: [],
    secrets: [],
    ownNodeId: 'e1',
  });
  assert.ok(told.kind === 'serving' && told.ownId === 'one' && told.freshness === 'linearizable');
  assert.deepEqual(volumes, { volumes: [], containers: [], problem: undefined });
});

test('what cannot be known is said: a locked store, no swarm, the engine of a worker, one that fails', async () => {
  const locked = new CofferError('store.locked', 'locked');
  const blind = await readWhy({
    ...sources,
    store: () => {
      throw locked;
    },
  });
  assert.deepEqual(blind.store, { kind: 'refused', reason: locked });

  const info = await sources.engine.info();
  const engineWith = (over: Partial<WhySources['engine']>): WhySources => ({
    ...sources,
    engine: { ...sources.engine, ...over },
  });
  const without = engineWith({
    info: async () => ({ ...info, swarmState: 'inactive', controlAvailable: false }),
  });
  assert.deepEqual((await readWhy(without)).swarm, { kind: 'none' });
  const worker = engineWith({ info: async () => ({ ...info, controlAvailable: false }) });
  const { swarm } = await readWhy(worker);
  assert.ok(swarm.kind === 'unknown' && swarm.problem.code === 'engine.refused');
  const fails = engineWith({
    listTasks: () => Promise.reject(new CofferError('engine.unreachable', 'gone')),
  });
  const failed = (await readWhy(fails)).swarm;
  assert.ok(failed.kind === 'unknown' && failed.problem.detail === 'gone');
});

test('an engine that does not answer is waited for eight seconds, and no longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let isDone = false;
  const asked = readWhy({
    ...sources,
    engine: { ...sources.engine, listNodes: () => NEVER, listContainers: () => NEVER },
  }).finally(() => {
    isDone = true;
  });
  t.mock.timers.tick(7_999);
  await new Promise(setImmediate);
  assert.equal(isDone, false);
  t.mock.timers.tick(1);
  const { swarm, volumes } = await asked;
  assert.ok(swarm.kind === 'unknown' && /did not answer in 8 s/.test(swarm.problem.detail));
  assert.deepEqual(volumes.containers, []);
});

test('of refusals alike the last is told with their number, the newest first, and texts are short', () => {
  const refusals = new Refusals();
  const refuse = (at_ms: number, taskId: string, secretName: string, detail = 'no'): void =>
    refusals.addSecret(
      at_ms,
      {
        secretName,
        labels: {},
        service: { id: 's1', name: 'web', hostname: '', labels: {}, endpoint: { mode: 'vip', ports: [] } },
        task: { id: taskId, name: taskId === 't3' ? '' : `web.1.${taskId}`, image: '' },
        nodeId: 'n',
      },
      new CofferError('secret.not-found', detail, { hint: 'Put it.' }),
    );
  refuse(1, 't1', 'db');
  refusals.addVolume(2, 'creds', ['shop'], new CofferError('volume.refused', 'no'));
  refuse(3, 't2', 'db');
  refuse(4, 't3', 'api', 'x'.repeat(2_000));
  const told = ownReport({
    refusals: refusals.list(),
    driverName: 'coffer',
    auditProblem: 'no space',
    now_ms: 5,
  });
  assert.deepEqual(
    told.refusals.map((one) => [one.at_ms, one.count, one.kind === 'secret' ? one.task : one.volume]),
    [
      [4, 1, 't3'],
      [3, 2, 'web.1.t2'],
      [2, 1, 'creds'],
    ],
  );
  assert.equal(told.refusals[0]?.message.length, 512);
  assert.equal(told.auditProblem, 'no space');
});
