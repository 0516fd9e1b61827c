// SPDX-License-Identifier: Apache-2.0
// Which services a rotation concerns, and where it cannot begin.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import type { EngineInfo, EngineNode, EngineService, RollingService } from '../../../src/engine/index.ts';
import type { NodeObject, RotationObject } from '../../../src/membership/index.ts';
import { beginRotation, type BeginOptions, type SourcedSecret } from '../../../src/rotation/index.ts';
import { aNode } from '../../support/cluster-objects.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { putValue } from '../../support/test-store.ts';

const SOURCES: readonly SourcedSecret[] = [
  { id: 's1', wanted: 'current' },
  { id: 's2', wanted: 'previous' },
  { id: 's3', wanted: '3' },
];

interface Swarm {
  /** The engine's secrets that each service mounts. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly jobs?: readonly string[];
  readonly state?: EngineInfo['swarmState'];
  readonly manages?: boolean;
  readonly nodes?: readonly EngineNode[];
  readonly leader?: NodeObject | 'this-node' | undefined;
}

function aService(name: string, secrets: readonly string[]): EngineService {
  return {
    id: `id-${name}`,
    name,
    labels: {},
    image: 'app',
    mounts: [],
    secrets: secrets.map((id) => ({ id, name: id })),
  };
}

function engineOf({
  jobs = [],
  manages = true,
  nodes = [],
  services,
  state = 'active',
}: Swarm): BeginOptions['engine'] {
  return {
    info: async () => ({
      swarmState: state,
      swarmId: 'swarm',
      controlAvailable: manages,
      nodeId: 'n1',
      nodeAddress: undefined,
      managerAddresses: [],
      serverVersion: '20.10.24',
    }),
    listSecrets: async () => [],
    listNodes: async () => nodes,
    listServices: async () => Object.entries(services).map(([name, ids]) => aService(name, ids)),
    inspectService: async (id): Promise<RollingService> => {
      const name = id.replace('id-', '');
      const mode = jobs.includes(name) ? 'job' : 'replicated';
      return { id, name, mode, versionIndex: 1, forceUpdate: 0, replicas: 1, update: undefined };
    },
  };
}

async function begin(
  swarm: Swarm,
): Promise<{ readonly rotation: RotationObject; readonly store: MemoryStore }> {
  const store = new MemoryStore();
  const { id } = await putValue(store, 'db', Buffer.from('old'));
  const secret = store.byId(id);
  assert.ok(secret !== undefined);
  const leader = 'leader' in swarm ? swarm.leader : 'this-node';
  const options: BeginOptions = {
    engine: engineOf(swarm),
    store,
    sourcesOf: () => SOURCES,
    leader: () => leader,
    now_ms: () => 5_000,
  };
  const value = SecretValue.copyOf(Buffer.from('new'));
  try {
    const rotation = await beginRotation(options, { secret, value, expect: undefined, timeout_ms: 60_000 });
    return { rotation, store };
  } catch (thrown) {
    assert.equal(store.byId(id)?.versions.length, 1, 'what cannot begin has stored nothing');
    throw thrown;
  }
}

async function refused(swarm: Swarm, code: string, why: RegExp): Promise<void> {
  await assert.rejects(
    begin(swarm),
    (error) => error instanceof CofferError && error.code === code && why.test(error.detail),
  );
}

describe('a rotation that begins', () => {
  test('concerns the services that mount a secret of the engine which comes to this one, by name', async () => {
    const { rotation } = await begin({
      services: { web: ['s1'], api: ['other', 's2'], none: ['other'], bare: [] },
    });
    assert.deepEqual(
      rotation.services.map(({ name, state }) => `${name} ${state}`),
      ['api waiting', 'web waiting'],
    );
    assert.deepEqual([rotation.phase, rotation.timeout_ms, rotation.begunAt_ms], ['updating', 60_000, 5_000]);
  });

  test('leaves out who is held at a version, unless it has the current one too, and jobs', async () => {
    const services = { held: ['s3'], both: ['s1', 's3'], once: ['s1'] };
    const { rotation } = await begin({ services, jobs: ['once'] });
    assert.deepEqual(
      rotation.services.map(({ name, note, state }) => `${name} ${state}: ${note}`),
      [
        'both waiting: ',
        'held left-out: it is held at version 3 by a label',
        'once left-out: it is a job, which an update would run once more',
      ],
    );
  });

  test('is done with its version where there is no swarm, or nobody to be updated', async () => {
    for (const swarm of [
      { services: {}, state: 'inactive', manages: false },
      { services: { held: ['s3'] } },
    ] as const) {
      const { rotation, store } = await begin(swarm);
      assert.deepEqual([rotation.phase, store.byName('db')?.versions.length], ['done', 2]);
    }
  });

  test('is refused where the engine does not manage its swarm', async () => {
    await refused(
      { services: { web: ['s1'] }, manages: false },
      'rotation.refused',
      /does not manage its swarm/,
    );
  });

  test('is refused where the engine of the leader does not, and goes through where it does', async () => {
    const leader: NodeObject = { ...aNode('first', 'manager', 1), engineNodeId: 'n2' };
    const node = { id: 'n2', hostname: 'first', labels: {} };
    const services = { web: ['s1'] };
    const { rotation } = await begin({ services, leader, nodes: [{ ...node, role: 'manager' }] });
    assert.equal(rotation.phase, 'updating');
    const why = /the manager that leads the cluster, .*, is beside an engine that does not manage this swarm/;
    await refused({ services, leader, nodes: [{ ...node, role: 'worker' }] }, 'rotation.refused', why);
    await refused({ services, leader }, 'rotation.refused', why);
    await refused({ services, leader: undefined }, 'store.unavailable', /no leader/);
    const alone = await begin({ services: { held: ['s3'] }, leader });
    assert.equal(alone.rotation.phase, 'done', 'nobody is to be updated');
  });
});
