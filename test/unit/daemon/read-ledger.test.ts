// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { Ledger } from '../../../src/control/index.ts';
import { type LedgerSources, readLedger, type VolumeKnowledge } from '../../../src/daemon/read-ledger.ts';
import type { NodeHoldings } from '../../../src/distribution/index.ts';
import { aNode, anAuthority, aToken } from '../../support/cluster-objects.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { putValue } from '../../support/test-store.ts';

const INFO = {
  swarmState: 'active',
  swarmId: 'swarm',
  controlAvailable: true,
  nodeId: 'n1',
  nodeAddress: undefined,
  managerAddresses: [],
  serverVersion: '28.5.2',
} as const;

/** An engine with a task of service `web` that mounts `db`, and one of a stranger's driver. */
const ENGINE: LedgerSources['engine'] = {
  info: async () => INFO,
  listTasks: async () => [
    {
      id: 't1',
      serviceId: 's1',
      nodeId: 'n1',
      state: 'running',
      desiredState: 'running',
      image: '',
      mounts: [],
      secrets: [
        { id: 'e1', name: 'db' },
        { id: 'e2', name: 'vault' },
        { id: 'e3', name: 'plain' },
      ],
    },
  ],
  listServices: async () => [{ id: 's1', name: 'web', labels: {}, image: '', mounts: [], secrets: [] }],
  listNodes: async () => [{ id: 'n1', hostname: 'web-1', role: 'manager', labels: {} }],
  listSecrets: async () =>
    [
      { id: 'e1', name: 'db', driver: 'coffer:latest' },
      { id: 'e2', name: 'vault', driver: 'vault' },
      { id: 'e3', name: 'plain', driver: undefined },
    ].map((secret) => ({ ...secret, labels: {}, createdAt: '', versionIndex: 1 })),
};

/** A store with version 2 of db, in a cluster of nodes `a` and `b`. */
async function storeOfTwo(): Promise<{ readonly store: MemoryStore; readonly secretId: string }> {
  const store = new MemoryStore();
  const first = aNode('a', 'manager', 1);
  await store.propose({ kind: 'establish-cluster', authority: anAuthority(), node: first });
  await store.propose({ kind: 'put-token', token: aToken('token'), revokeOthers: false });
  await store.propose({ kind: 'admit-node', tokenId: 'token', node: aNode('b'), at_ms: 1 });
  await putValue(store, 'db', Buffer.from('one'));
  const { id } = await putValue(store, 'db', Buffer.from('two'));
  return { store, secretId: id };
}

/** Node `a` has `db` at a version, for a task and for a container. */
function holdingsOf(secretId: string, version: number): NodeHoldings {
  const secrets = [{ id: secretId, name: 'db', version }];
  return {
    nodeId: 'id-a',
    hostname: 'a',
    holders: [
      { kind: 'task', id: 't1', name: '', secrets },
      { kind: 'container', id: 'c1', name: 'cache', secrets },
    ],
  };
}

function said({ entries }: Ledger): readonly string[] {
  return entries.map(({ container, node, service, state, task, version, via }) =>
    [via, version ?? '?', state, service?.name, task, container?.name, node.hostname].join(' '),
  );
}

const ELSEWHERE: VolumeKnowledge = { kind: 'elsewhere', leader: 'b' };

describe('the ledger', () => {
  test('joins what the engine runs, what was delivered, and what nodes have in volumes', async () => {
    const { store, secretId } = await storeOfTwo();
    const deliveries = [deliveryOf('t1', secretId, 1, { name: 'db' })];
    await store.propose({ kind: 'record-deliveries', deliveries });
    const none = { nodeId: 'id-b', hostname: 'b', holders: [] };
    const volumes = { kind: 'known', holdings: [holdingsOf(secretId, 2), none] } as const;
    const ledger = await readLedger({ engine: ENGINE, driverName: 'coffer', store, delivery: { volumes } });
    assert.deepEqual(said(ledger), [
      'secret 1 stale web t1  web-1',
      'volume 2 current web t1  a',
      'volume 2 current   cache a',
    ]);
    assert.deepEqual(ledger.gaps, []);
    const stale = { kind: 'known', holdings: [holdingsOf(secretId, 1), none] } as const;
    const later = await readLedger({
      engine: ENGINE,
      driverName: 'coffer',
      store,
      delivery: { volumes: stale },
    });
    assert.deepEqual(
      later.entries.map(({ state }) => state),
      ['stale', 'stale', 'stale'],
    );
  });

  test('names the leader, who alone knows volumes, and nodes of which that knows nothing', async () => {
    const { store, secretId } = await storeOfTwo();
    const gapsWith = async (volumes: VolumeKnowledge): Promise<readonly string[]> => {
      const { gaps } = await readLedger({
        engine: ENGINE,
        driverName: 'coffer',
        store,
        delivery: { volumes },
      });
      return gaps.map(({ code, message }) => `${code}: ${message}`);
    };
    assert.match(String(await gapsWith(ELSEWHERE)), /^cluster.not-leader: .* alone, which is b$/);
    assert.match(String(await gapsWith({ kind: 'elsewhere', leader: undefined })), /and there is none$/);
    assert.match(
      String(await gapsWith({ kind: 'known', holdings: [holdingsOf(secretId, 2)] })),
      /^transport.unreachable: .* not connected: b$/,
    );
  });

  test('has volumes alone where the engine is no manager of a swarm, and says so', async () => {
    const { store, secretId } = await storeOfTwo();
    const engine = {
      ...ENGINE,
      info: async () => ({ ...INFO, controlAvailable: false }),
      listTasks: () => Promise.reject(new Error('a worker knows no tasks')),
    };
    const volumes = { kind: 'known', holdings: [holdingsOf(secretId, 2)] } as const;
    const ledger = await readLedger({ engine, driverName: 'coffer', store, delivery: { volumes } });
    assert.deepEqual(said(ledger), ['volume 2 current  t1  a', 'volume 2 current   cache a']);
    assert.match(ledger.gaps[0]?.message ?? '', /^tasks are not shown, but volumes alone/);
  });

  test('is not had from an engine that does not answer', async () => {
    const { store } = await storeOfTwo();
    const error = new CofferError('engine.unreachable', 'it does not answer');
    const engine = { ...ENGINE, listServices: () => Promise.reject(error) };
    const sources = { engine, driverName: 'coffer', store, delivery: { volumes: ELSEWHERE } };
    await assert.rejects(readLedger(sources), error);
  });
});
