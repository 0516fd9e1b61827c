// SPDX-License-Identifier: Apache-2.0
// Asks everybody who knows something of why secrets are refused, all at once, and none for long.
import type { ManagerAnswer, ManagerReport } from '../cluster/index.ts';
import { CofferError, withDeadline } from '../common/index.ts';
import type { StoreFacts, SwarmFacts, VolumeFacts, VolumesFacts, WhyFacts } from '../diagnosis/index.ts';
import type { EngineClient } from '../engine/index.ts';
import type { SecretStore } from '../store/index.ts';

/** The other managers are given two seconds; an engine whose tasks fail again and again is slow, and knows most. */
const ENGINE_TIMEOUT_MS = 8_000;
const BARRIER_TIMEOUT_MS = 1_000;

export interface WhySources {
  readonly engine: Pick<
    EngineClient,
    'info' | 'listContainers' | 'listNodes' | 'listSecrets' | 'listServices' | 'listTasks'
  >;
  /** Throws the reason while the store does not serve. */
  readonly store: () => SecretStore;
  /** This node's id in its cluster. */
  readonly nodeId: () => string | undefined;
  readonly report: () => ManagerReport;
  readonly askOthers: () => Promise<readonly ManagerAnswer[]>;
  readonly volumes: () => {
    readonly registered: readonly VolumeFacts[];
    readonly problem: string | undefined;
  };
  readonly now_ms: () => number;
}

/** Never rejects: what cannot be known is said. */
export async function readWhy(sources: WhySources): Promise<WhyFacts> {
  const [swarm, store, others, volumes] = await Promise.all([
    readSwarm(sources.engine),
    readStore(sources),
    sources.askOthers(),
    readVolumes(sources),
  ]);
  return { now_ms: sources.now_ms(), swarm, store, report: sources.report(), others, volumes };
}

async function readSwarm(engine: WhySources['engine']): Promise<SwarmFacts> {
  try {
    return await inTime(askSwarm(engine));
  } catch (thrown) {
    return { kind: 'unknown', problem: CofferError.from(thrown) };
  }
}

async function askSwarm(engine: WhySources['engine']): Promise<SwarmFacts> {
  const { controlAvailable, nodeId, swarmState } = await engine.info();
  if (swarmState === 'inactive') {
    return { kind: 'none' };
  }
  if (!controlAvailable) {
    throw new CofferError('engine.refused', 'the engine of this node does not manage its swarm', {
      hint: 'docker coffer why, typed where a manager of the swarm is',
    });
  }
  const [services, tasks, nodes, secrets] = await Promise.all([
    engine.listServices(),
    engine.listTasks(),
    engine.listNodes(),
    engine.listSecrets(),
  ]);
  return { kind: 'known', services, tasks, nodes, secrets, ownNodeId: nodeId ?? '' };
}

async function readStore({ nodeId, store: source }: WhySources): Promise<StoreFacts> {
  try {
    const store = source();
    const freshness = await store.readBarrier(BARRIER_TIMEOUT_MS);
    const ownId = nodeId() ?? '';
    const { cluster } = store;
    return {
      kind: 'serving',
      store,
      deliveries: store.deliveries(),
      freshness,
      ownId,
      isAutolocked: (cluster.autolock?.unlockKey.byteLength ?? 0) > 0,
      grants: cluster.grantsOf(ownId),
    };
  } catch (thrown) {
    return { kind: 'refused', reason: CofferError.from(thrown) };
  }
}

/** Without an engine that answers, whose the volumes are is not known. */
async function readVolumes({ engine, volumes: source }: WhySources): Promise<VolumesFacts> {
  const { problem, registered: volumes } = source();
  try {
    const containers = await inTime(engine.listContainers(volumes.map(({ name }) => name)));
    return { volumes, containers, problem };
  } catch {
    return { volumes, containers: [], problem };
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  const sentence = `the engine did not answer in ${ENGINE_TIMEOUT_MS / 1_000} s`;
  return withDeadline(work, ENGINE_TIMEOUT_MS, 'engine.unreachable', sentence);
}
