// SPDX-License-Identifier: Apache-2.0
// What the control room is given by whoever puts the daemon together.
import type { Drills, ScheduledBackups } from '../archive/index.ts';
import type { Logger } from '../common/index.ts';
import type { Monitored } from '../monitoring/index.ts';
import type { WhyReply } from '../diagnosis/index.ts';
import type { StoreSource, StoreStart } from '../store/index.ts';
import type { AuditAdmin } from './audit-wire.ts';
import type { ClusterAdmin } from './cluster-wire.ts';
import type { ForceNewCluster } from './force-wire.ts';
import type { SwarmImportAdmin } from './import-wire.ts';
import type { Ledger } from './ledger-wire.ts';
import type { SecretUse } from './policy-test.ts';
import type { RotationObject } from '../membership/index.ts';
import type { RotationWish } from '../rotation/index.ts';
import type { RebuildAdmin } from './rebuild-wire.ts';
import type { Check, DaemonStatus, Refusal } from './wire.ts';

/** Who uses a secret of coffer through the engine. Both lists are empty where there is no swarm. */
export interface EngineUses {
  /** Names of the services that mount an engine secret which resolves to it. */
  readonly services: readonly string[];
  /** Names of the engine secrets which resolve to it. */
  readonly engineSecrets: readonly string[];
}

export interface ControlOptions {
  readonly store: StoreSource;
  /** Default: a store that has started. */
  readonly storeStarted?: StoreStart;
  /**
   * The cluster, while this node has its state; it throws the reason otherwise (`cluster.not-a-manager`,
   * `cluster.joining`, `store.starting`). Absent: the routes about the cluster answer `store.unavailable`.
   */
  readonly cluster?: () => ClusterAdmin;
  /** What the schedule of this manager has made. Absent: this daemon makes no backups by itself. */
  readonly backups?: Pick<ScheduledBackups, 'describe' | 'open'>;
  /** Absent: this daemon carries out none. */
  readonly drills?: Pick<Drills, 'check' | 'run'>;
  /** Opens a locked store with what was given for the unlock key, and wipes that. Absent: there is nothing to unlock. */
  readonly unlock?: (text: Buffer) => Promise<void>;
  /** Makes this manager the only one. Absent: it cannot be done here. */
  readonly force?: ForceNewCluster;
  /** Absent: this daemon has nothing to rebuild. */
  readonly rebuild?: RebuildAdmin;
  /** Absent: nothing is written down. */
  readonly audit?: AuditAdmin;
  /** Absent: this daemon is not watched. */
  readonly monitored?: Monitored;
  readonly status: () => DaemonStatus | Promise<DaemonStatus>;
  /** Asked before a secret is removed; given at most 5 seconds. Rejects if the engine cannot be asked. */
  readonly users: (secretName: string) => Promise<EngineUses>;
  /** Who holds which secret; given at most 10 seconds. Rejects if the engine cannot be asked. */
  readonly ledger: () => Promise<Ledger>;
  /** What the services of the swarm have; given at most 8 seconds. Absent: this daemon has no engine to ask. */
  readonly secretUses?: () => Promise<readonly SecretUse[]>;
  /** Begins a rotation; given at most 20 seconds. Absent: this daemon has no engine whose services it could update. */
  readonly rotate?: (wish: RotationWish) => Promise<RotationObject>;
  /** Absent: this daemon has no engine whose secrets it could import. */
  readonly swarmImport?: SwarmImportAdmin;
  /**
   * Why what has that name, or anybody, is refused secrets; given at most 5 seconds. Rejects with `why.not-found`
   * and `why.ambiguous`. Absent: this daemon cannot tell.
   */
  readonly why?: (name: string | undefined) => Promise<WhyReply>;
  /** The last refused GetSecret calls, in any order; the keeper bounds their number. */
  readonly refusals: () => readonly Refusal[];
  /** What the daemon finds wrong or right with itself; given at most 10 seconds. */
  readonly doctor: () => readonly Check[] | Promise<readonly Check[]>;
  /** Of this coffer: a backup names it. */
  readonly version: string;
  readonly logger: Logger;
  /** Defaults to the system's clock. */
  readonly now_ms?: () => number;
  readonly limits?: Partial<ControlLimits>;
}

/** What a slow, idle or hostile client can take. */
export interface ControlLimits {
  /** For the whole request head. Default 5,000. */
  readonly headersTimeout_ms: number;
  /** For the whole request, but for a backup that is sent in to be restored. Default 15,000. */
  readonly requestTimeout_ms: number;
  /** A connection on which nothing moves is cut after this long. Default 30,000. */
  readonly idleTimeout_ms: number;
  /** How often the timeouts are looked at. Default 1,000. */
  readonly checkInterval_ms: number;
  /** Beyond them, whoever has kept the server waiting longest is cut for who comes. Default 1,024. */
  readonly connectionsMax: number;
}

export const DEFAULT_LIMITS: ControlLimits = {
  headersTimeout_ms: 5_000,
  requestTimeout_ms: 15_000,
  idleTimeout_ms: 30_000,
  checkInterval_ms: 1_000,
  connectionsMax: 1_024,
};
