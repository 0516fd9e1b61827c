// SPDX-License-Identifier: Apache-2.0
import type { ClusterPlace } from '../../cluster/index.ts';
import type { ErrorCode } from '../../common/index.ts';
import type { HealthFacts } from '../../monitoring/index.ts';
import type { ReplicatedStore } from '../../store/index.ts';
import type { StoreKeeper } from '../store-keeper.ts';

export interface HealthSources {
  readonly version: string;
  readonly keeper: Pick<StoreKeeper, 'reason'>;
  /** Undefined while it does not serve. */
  readonly store: Pick<ReplicatedStore, 'replica'> | undefined;
  readonly place: Pick<ClusterPlace, 'nodeId' | 'role'>;
  readonly clusterId: string | undefined;
  /** Whether a manager is known that leads, as a worker is told it. */
  readonly knowsLeader: boolean;
  /** Whether this node's agent is connected to the leader. */
  readonly isConnected: boolean;
  /** Why nothing is delivered, as far as the audit log is concerned. */
  readonly auditProblem: ErrorCode | undefined;
}

/** Pure. */
export function healthFacts(sources: HealthSources): HealthFacts {
  const { clusterId, keeper, place, store, version } = sources;
  const code = keeper.reason?.code;
  const isWorker = code === 'cluster.not-a-manager';
  return {
    version,
    role: isWorker ? 'worker' : managerRole(store),
    isInitialized: !(code === 'cluster.joining' && place.role === undefined),
    isSealed: code === 'store.locked',
    reasons: isWorker ? workerReasons(sources) : managerReasons(sources),
    hasLeader: store === undefined ? sources.knowsLeader : store.replica.leader !== 0,
    clusterId,
    nodeId: place.nodeId,
  };
}

function managerRole(store: HealthSources['store']): HealthFacts['role'] {
  if (store === undefined) {
    return undefined;
  }
  const { identity, leader } = store.replica;
  return leader === identity.raftId ? 'leader' : 'follower';
}

/** It is asked for no secret; what it gives to its containers comes from the leader. */
function workerReasons({ isConnected }: HealthSources): readonly ErrorCode[] {
  return isConnected ? [] : ['transport.unreachable'];
}

function managerReasons({ auditProblem, keeper, store }: HealthSources): readonly ErrorCode[] {
  const { reason } = keeper;
  if (reason !== undefined) {
    return [reason.code];
  }
  const reasons: ErrorCode[] = [];
  if (store?.replica.state.confState.voters.length === 0) {
    // It has joined, and knows nothing yet.
    reasons.push('cluster.joining');
  }
  if (auditProblem !== undefined) {
    reasons.push(auditProblem);
  }
  return reasons;
}
