// SPDX-License-Identifier: Apache-2.0
// Whether this node is well, in the words and numbers that load balancers and monitors know.
import type { ErrorCode } from '../common/index.ts';
import { type HealthCodes, readHealthCodes } from './health-codes.ts';

/** What is known of this node. */
export interface HealthFacts {
  readonly version: string;
  /** `leader` and `follower` are managers whose store serves; undefined while it is not known. */
  readonly role: 'leader' | 'follower' | 'worker' | undefined;
  /** False while the node has neither founded nor joined a cluster. */
  readonly isInitialized: boolean;
  /** Its keys are sealed, and it waits for the unlock key. */
  readonly isSealed: boolean;
  /** Why it would give no secret now; empty: it would. */
  readonly reasons: readonly ErrorCode[];
  /** False while no manager leads: what is stored is still given out. */
  readonly hasLeader: boolean;
  readonly clusterId: string | undefined;
  readonly nodeId: string | undefined;
}

export interface HealthAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** 200: secrets are given to those who may have them. 503: they are not, and these are the codes of why. */
export function readiness({ hasLeader, reasons, role }: HealthFacts): HealthAnswer {
  const ready = reasons.length === 0;
  return { status: ready ? 200 : 503, body: { ready, role, has_leader: hasLeader, reasons } };
}

/** `/v1/sys/health` as Vault and OpenBao answer it; `query` may choose other numbers. Throws `request.invalid`. */
export function systemHealth(facts: HealthFacts, query: URLSearchParams, now_ms: number): HealthAnswer {
  const { clusterId, isInitialized, isSealed, nodeId, reasons, role, version } = facts;
  return {
    status: statusOf(facts, readHealthCodes(query)),
    body: {
      initialized: isInitialized,
      sealed: isSealed,
      standby: role !== 'leader',
      performance_standby: false,
      replication_performance_mode: 'disabled',
      replication_dr_mode: 'disabled',
      server_time_utc: Math.floor(now_ms / 1_000),
      version,
      cluster_name: 'coffer',
      cluster_id: clusterId,
      node_id: nodeId,
      role,
      reasons,
    },
  };
}

function statusOf({ isInitialized, isSealed, reasons, role }: HealthFacts, codes: HealthCodes): number {
  if (!isInitialized) {
    return codes.notInitialized;
  }
  if (isSealed) {
    return codes.sealed;
  }
  if (reasons.length > 0) {
    return 503;
  }
  return role === 'leader' ? codes.active : codes.standby;
}
