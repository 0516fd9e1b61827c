// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket. Types alone, so that the command line can share them at no cost.
import type { DrillSummary, RestoreSummary, ScheduledBackupsDescription } from '../archive/index.ts';
import type { RotationDescription } from './rotation-wire.ts';
import type { CertificateDescription } from './certificate-wire.ts';
import type { AuditStatus } from './audit-wire.ts';
import type { BackupSummary } from '../backup/index.ts';
import type { DestroyedVersion, EngineBinding, Labels, Origin, SecretVersion } from '../secrets/index.ts';
import type { Freshness, StoreStatus } from '../store/index.ts';

/** Every refusal, on every route; its HTTP status is that of the code. */
export interface ErrorReply {
  /** One of coffer's error codes. */
  readonly code: string;
  readonly message: string;
  /** What the reader can do about it. */
  readonly hint?: string | undefined;
}

/** The answer to a request that is refused. */
export interface RefusedReply extends ErrorReply {
  /** The id that stands in its header `X-Request-Id`, and in the daemon's log. */
  readonly request?: string | undefined;
}

/** All that coffer tells of a secret: never its value. */
export interface SecretDescription {
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly origin: Origin;
  /** True while the gateway waits for the engine's registration; such a secret is not listed. */
  readonly pending: boolean;
  readonly engine?: EngineBinding | undefined;
  /** The current version: its number, and the bytes of its value. */
  readonly version: number;
  readonly size: number;
  /** Ascending. */
  readonly versions: readonly SecretVersion[];
  /** Ascending. */
  readonly destroyed: readonly DestroyedVersion[];
  readonly createdAt_ms: number;
  readonly updatedAt_ms: number;
  /**
   * When it is to be rotated by itself: one of the past is due. Absent where it is not, and in the answer to what changes a
   * secret.
   */
  readonly nextRotationAt_ms?: number | undefined;
  /** In the answer of `inspect` alone, of a secret that is a certificate of coffer's. */
  readonly certificate?: CertificateDescription | undefined;
  /** Until when the current value is good; absent where no label says so. */
  readonly expiresAt_ms?: number | undefined;
}

/** `GET /v1/secrets`. */
export interface SecretsReply {
  readonly secrets: readonly SecretDescription[];
  readonly freshness: Freshness;
}

/** `GET /v1/secrets/:name`, and `DELETE`, which shows the secret as it was. */
export interface SecretReply {
  readonly secret: SecretDescription;
  readonly freshness: Freshness;
  /** Of a secret that was removed: the ids of its grants, which stay for the next one of its name. */
  readonly grants?: readonly string[] | undefined;
}

/** `PUT /v1/secrets/:name` and `POST /v1/secrets/:name/generate`. */
export interface PutReply {
  readonly secret: SecretDescription;
  /** False when `expect=absent` found the secret there and left it as it was. */
  readonly changed: boolean;
}

/** `POST /v1/secrets/:name/rollback`. */
export interface RollbackReply {
  readonly secret: SecretDescription;
  /** The version whose value the new one has. */
  readonly from: number;
}

/** `POST /v1/secrets/:name/destroy`. */
export interface DestroyReply {
  readonly secret: SecretDescription;
}

/** `POST /v1/secrets/:name/prune`. */
export interface PruneReply {
  readonly secret: SecretDescription;
  /** The versions that were taken away, ascending. */
  readonly pruned: readonly number[];
}

// `POST /v1/secrets/:name/reveal` answers with the value itself, as application/octet-stream, and in `coffer-secret-version`
// and `coffer-freshness` with what it is.

/** What stands at the end of `POST /v1/backup`, as JSON in the trailer `coffer-backup-summary`. */
export interface BackupReply extends BackupSummary {
  readonly freshness: Freshness;
}

/** `POST /v1/restore`: what became of the secrets of a backup, or would become of them with `check=1`. */
export interface RestoreReply extends RestoreSummary {}

/** `GET /v1/backups/header`: how the key of a scheduled backup is had. */
export interface BackupHeaderReply {
  /** Base64. */
  readonly header: string;
  /** Bytes of the whole file. */
  readonly size: number;
}

/** `POST /v1/drill`. */
export interface DrillReply extends DrillSummary {}

/** `GET /v1/backups`. */
export interface ScheduledBackupsReply extends ScheduledBackupsDescription {}

/** The engine as the daemon sees it. */
export interface EngineStatus {
  readonly address: string;
  readonly reachable: boolean;
  /** Why it cannot be reached. */
  readonly problem?: string | undefined;
  readonly version?: string | undefined;
  /** The engine's `LocalNodeState`: `inactive`, `pending`, `active`, `error` or `locked`. */
  readonly swarm?: string | undefined;
  readonly swarmId?: string | undefined;
  readonly nodeId?: string | undefined;
  /** Whether this node is a swarm manager, whose API holds the secrets. */
  readonly manager?: boolean | undefined;
}

/** This node's place in its cluster. */
export interface ClusterStatus {
  /** Absent until the node has a cluster. */
  readonly role?: 'manager' | 'worker' | undefined;
  readonly nodeId?: string | undefined;
  /** Where other nodes reach it; absent while it does not listen. */
  readonly address?: string | undefined;
  /** Why it does not listen, or is not heard. */
  readonly problem?: string | undefined;
}

/** Whether the managers unlock one another, and what has come of it on this one. */
export interface PeerUnlockStatus {
  /** False also while this node is locked, and cannot tell. */
  readonly enabled: boolean;
  /** Whether this node is locked, and asks the others for the unlock key. */
  readonly asking: boolean;
  /** What has come of that last. */
  readonly problem?: string | undefined;
  /** The address of the manager that has unlocked this one since its start. */
  readonly unlockedBy?: string | undefined;
}

/** What a manager does by itself. */
export interface UpkeepStatus {
  /** When its data key was made, or later, and when it is to be rotated. */
  readonly dataKeyMadeAt_ms?: number | undefined;
  readonly dataKeyNextAt_ms?: number | undefined;
  /** Why its last rotation was not finished. */
  readonly dataKeyProblem?: string | undefined;
  /** Absent without a schedule of backups. */
  readonly backups?:
    | {
        readonly lastAt_ms?: number | undefined;
        readonly nextAt_ms?: number | undefined;
        /** Why the last one was not written. */
        readonly problem?: string | undefined;
      }
    | undefined;
  /** The rotations of secrets that go on, the one that was begun first in front. */
  readonly rotations: readonly RotationDescription[];
}

/** What hands secrets to the containers of this node, as volumes. */
export interface AgentReport {
  /** The manager that it is connected to, by its hostname, or else its id; absent while it is connected to none. */
  readonly manager?: string | undefined;
  readonly connectedAt_ms?: number | undefined;
  /** Why it is not connected, or what else is wrong. */
  readonly problem?: string | undefined;
  /** Volumes of coffer's on this node, and how many of them a container mounts. */
  readonly volumes: number;
  readonly mounted: number;
  /** Secrets that it has in memory. */
  readonly secrets: number;
  /** Whether it was cut off from every manager for so long that it has wiped all of them. */
  readonly cutOff: boolean;
}

/** `GET /v1/status`. */
export interface DaemonStatus {
  readonly version: string;
  readonly state: 'starting' | 'serving' | 'degraded';
  /** Why the daemon does not serve. */
  readonly reason?: ErrorReply | undefined;
  readonly uptime_ms: number;
  /** A plain process, or a plugin that the engine manages. */
  readonly mode: 'process' | 'managed';
  /** What stands behind `docker secret create --driver`. */
  readonly driverName: string;
  /** Paths as the daemon sees them: in a managed plugin, those inside its root. */
  readonly sockets: { readonly plugin: string; readonly gateway: string; readonly control: string };
  readonly stateDirectory: string;
  /** Where the daemon has found the unlock key by itself; absent unless it has. */
  readonly unlockKeySource?:
    | {
        readonly file: string;
        /** Whether it lies on the file system of the state directory. */
        readonly besideData: boolean;
      }
    | undefined;
  /** Absent where there is nothing to say of it. */
  readonly peerUnlock?: PeerUnlockStatus | undefined;
  /** Absent where a setting is wrong. */
  readonly audit?: AuditStatus | undefined;
  readonly engine?: EngineStatus | undefined;
  readonly cluster?: ClusterStatus | undefined;
  /** What the node does by itself; absent unless it is a manager that serves. */
  readonly upkeep?: UpkeepStatus | undefined;
  /** Absent where no volumes are made. */
  readonly agent?: AgentReport | undefined;
  /** Of the leader: how many nodes are connected, to be given what they are due. */
  readonly sessions?: number | undefined;
  /** Absent until the store is open. */
  readonly store?: StoreStatus | undefined;
}

interface RefusalReason {
  readonly at_ms: number;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A GetSecret call that was refused. The engine tells its user only that the secret was not found. */
export interface SecretRefusal extends RefusalReason {
  readonly kind: 'secret';
  /** The service's name. */
  readonly service: string;
  /** The task's name or id. */
  readonly task: string;
  /** The engine's name of the secret. */
  readonly secret: string;
}

/** A volume that was not mounted, for a container of this node. */
export interface VolumeRefusal extends RefusalReason {
  readonly kind: 'volume';
  readonly volume: string;
  /** The names of the containers that mount it, and of their services. */
  readonly users: readonly string[];
}

export type Refusal = SecretRefusal | VolumeRefusal;

/** `GET /v1/refusals`, newest first. */
export interface RefusalsReply {
  readonly refusals: readonly Refusal[];
}

/** One thing that `doctor` looked at. */
export interface Check {
  readonly name: string;
  readonly level: 'ok' | 'warning' | 'failure';
  readonly message: string;
  /** What to type or change; present unless all is well. */
  readonly mend?: string | undefined;
}

/** `GET /v1/doctor`. */
export interface DoctorReply {
  readonly checks: readonly Check[];
}

/** `POST /v1/unlock`: the store is open. */
export interface UnlockReply {
  readonly state: DaemonStatus['state'];
}
