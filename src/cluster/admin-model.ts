// SPDX-License-Identifier: Apache-2.0
// The cluster as its administrator sees it: what can be asked, and what is told. Types alone, so that the command line can
// share them at no cost.

import type { GrantAdmin } from './grant-model.ts';
import type { PolicyAdmin } from './policy-model.ts';
import type { SurvivorAdmin } from './survivor-model.ts';

export type NodeRole = 'manager' | 'worker';

/**
 * How a node is, as far as the leader can tell: `ready` was heard from lately, `down` was not, `unknown` while no leader
 * is known; `joining` is a manager that does not vote yet.
 */
export type NodeStatus = 'ready' | 'joining' | 'down' | 'unknown';

export interface NodeDescription {
  readonly id: string;
  readonly hostname: string;
  readonly role: NodeRole;
  readonly status: NodeStatus;
  /** Of managers: whether it leads. */
  readonly leader: boolean;
  /** Of managers: whether its vote counts. False for a learner that is catching up. */
  readonly voter: boolean;
  /** Whether it is the node that answers. */
  readonly self: boolean;
  /** `host:port`; empty for a worker. */
  readonly address: string;
  /** The node's id in the engine's swarm; empty if it is in none. */
  readonly engineNodeId: string;
  readonly joinedAt_ms: number;
  readonly certificate: { readonly notAfter_ms: number; readonly authorityDigest: string };
  /** Of managers, as the leader sees it: the last entry that its disk is known to have. */
  readonly matchIndex?: number | undefined;
}

/** `GET /v1/nodes`. */
export interface NodesReply {
  readonly nodes: readonly NodeDescription[];
}

/** `GET /v1/nodes/:node`, `PUT /v1/nodes/:node/role`, `DELETE /v1/nodes/:node` (the node as it was). */
export interface NodeReply {
  readonly node: NodeDescription;
  /** What the reader should know about the quorum now: an even number of managers, one that cannot be lost. */
  readonly warnings: readonly string[];
  /** Of a node that was removed: how many grants went with it. Absent in the answer of an older manager. */
  readonly grants?: number | undefined;
}

/** `GET /v1/cluster`. */
export interface ClusterDescription {
  readonly id: string;
  readonly createdAt_ms: number;
  readonly managers: number;
  readonly workers: number;
  /** Managers that vote, how many of them make a quorum, and how many are reachable as far as the leader can tell. */
  readonly voters: number;
  readonly quorum: number;
  readonly reachableVoters?: number | undefined;
  /** The leader's id and name; absent while there is none. */
  readonly leader?: { readonly id: string; readonly hostname: string } | undefined;
  readonly certificateLifetime_ms: number;
  /** Nodes that were removed and whose certificates are not yet surely expired. */
  readonly revoked: number;
  /** Absent in the answer of an older manager. */
  readonly schedules?: Schedules | undefined;
  readonly warnings: readonly string[];
}

/** `GET /v1/ca`, `POST /v1/ca/rotate`. */
export interface AuthorityDescription {
  /** SHA-256 of the root certificate that issues, in hexadecimal. */
  readonly digest: string;
  /** PEM of all roots that are trusted now. */
  readonly certificates: string;
  readonly notAfter_ms: number;
  readonly rotation?:
    | {
        readonly startedAt_ms: number;
        /** Nodes in all, and how many have a certificate of the new root. */
        readonly nodes: number;
        readonly renewed: number;
        /** Names of the nodes that cannot be reached, which the rotation does not wait for. */
        readonly unreachable: readonly string[];
      }
    | undefined;
}

/** A join token without its secret: `GET /v1/join-tokens`. */
export interface TokenDescription {
  readonly id: string;
  readonly role: NodeRole;
  readonly createdAt_ms: number;
  readonly expiresAt_ms: number;
  readonly usesLeft: number;
}

export interface TokensReply {
  readonly tokens: readonly TokenDescription[];
}

/** `POST /v1/join-tokens`, whose body is a `TokenWish`. The token is shown here and never again. */
export interface TokenReply {
  readonly token: string;
  readonly description: TokenDescription;
  /** Where to join: the managers' addresses. */
  readonly addresses: readonly string[];
}

export interface TokenWish {
  readonly role: NodeRole;
  /** 1 minute to 30 days. Default: an hour. */
  readonly ttl_ms?: number | undefined;
  /** 1 to 1,000. Default: 10. */
  readonly uses?: number | undefined;
  /** Revokes all others of the role. */
  readonly rotate?: boolean | undefined;
}

/** `GET /v1/data-key`, `POST /v1/data-key/rotate`. */
export interface DataKeyDescription {
  /** The id of the key that this manager seals new records under: 16 hexadecimal digits. */
  readonly id: string;
  /** False while it lies beside the data in the clear. */
  readonly sealed: boolean;
  /** A rotation that is under way, and how many records it has sealed anew. */
  readonly rotation?: { readonly resealed: number } | undefined;
  /** Why the last rotation was not finished. */
  readonly problem?: string | undefined;
  /** The key was made then, or later; absent until this manager has said it to the others. */
  readonly madeAt_ms?: number | undefined;
  /** When it is to be rotated; absent without a schedule. */
  readonly nextAt_ms?: number | undefined;
  /** For how long the rotation that is under way has sealed nothing anew. */
  readonly still_ms?: number | undefined;
}

/** The data key of this manager alone: each has its own. */
export interface DataKeyAdmin {
  describe(): DataKeyDescription;
  /** Begins a rotation, which goes on by itself. */
  rotate(): DataKeyDescription;
}

/** `GET /v1/purge`, `POST /v1/purge`. */
export interface PurgeDescription {
  /** How often a purge was asked for. 0: never. */
  readonly version: number;
  readonly askedAt_ms?: number | undefined;
  readonly managers: readonly {
    readonly id: string;
    readonly hostname: string;
    readonly status: NodeStatus;
    /** Whether it has carried out the last one. */
    readonly done: boolean;
  }[];
}

/** When each manager writes a backup of its own. */
export interface BackupSchedule {
  readonly every_ms: number;
  /** When in each of these periods, counted from midnight UTC. Default: the time at which it is set. */
  readonly offset_ms?: number | undefined;
  readonly recipients: readonly string[];
  /** How many files each manager keeps. */
  readonly keep: number;
}

/** What the managers do by themselves. */
export interface Schedules {
  /** How old a data key may become; absent without a schedule. */
  readonly dataKey_ms?: number | undefined;
  /** Of the managers' keys, the one that is the oldest. */
  readonly oldestDataKeyMadeAt_ms?: number | undefined;
  readonly backup?: BackupSchedule | undefined;
}

/** Wishes that each manager carries out on its own disk, also one that is down meanwhile: then at its next start. */
export interface MaintenanceAdmin {
  /** Asks all managers to let go of what was removed, and to rotate their data keys. `purgeProgress` tells how far they are. */
  purge(): Promise<PurgeDescription>;
  purgeProgress(): Promise<PurgeDescription>;
  /** 0: off. Throws `cluster.schedule`. */
  setDataKeySchedule(every_ms: number): Promise<void>;
  /** undefined: off. Throws `cluster.schedule`. */
  setBackupSchedule(wish: BackupSchedule | undefined): Promise<void>;
}

/** Whether the managers unlock one another. */
export interface PeerUnlockDescription {
  /** The managers of the cluster, and how many of them the others can tell when they are locked. */
  readonly managers: number;
  readonly known: number;
  /** Whether the manager that answers is one of these. */
  readonly knownHere: boolean;
}

/** `GET /v1/autolock`, `PUT /v1/autolock`, `PUT /v1/peer-unlock`. */
export interface AutolockDescription {
  /** Whether the managers' keys are to be sealed by the unlock key. */
  readonly enabled: boolean;
  /** Counts the changes: on, off, and other keys. 0: there was none. */
  readonly version: number;
  /** Whether those of the manager that answers are. */
  readonly sealedHere: boolean;
  /** Absent while peer unlock is off. */
  readonly peerUnlock?: PeerUnlockDescription | undefined;
  /** `local`: no leader has confirmed that it is so still. */
  readonly freshness: 'linearizable' | 'local';
}

/** `POST /v1/unlock-key`. */
export interface UnlockKeyWish {
  /** A new key first. */
  readonly rotate?: boolean | undefined;
  /** Shares, of which `threshold` are needed, in the place of the key. */
  readonly shares?: { readonly threshold: number; readonly count: number } | undefined;
}

/** The key or shares of it. */
export interface UnlockKeyReply {
  /** `local`: without a majority, the key that was in force when this manager last heard of one. */
  readonly freshness: 'linearizable' | 'local';
  readonly unlockKey?: string | undefined;
  readonly shares?: readonly string[] | undefined;
}

/**
 * Autolock. A change is made when it is durable on a majority, and this manager's own files follow it; the others follow as
 * soon as they hear of it (with peer unlock they are waited for, for some seconds). Changes throw `store.unavailable` without a majority; what this manager knows is told all the same,
 * since the others may wait for the very key.
 */
export interface AutolockAdmin {
  describe(): Promise<AutolockDescription>;
  /** `peerUnlock`: default off when autolock is turned on, and as it is while it is on. */
  set(enabled: boolean, peerUnlock?: boolean): Promise<AutolockDescription>;
  /** Throws `cluster.autolock` while autolock is off. */
  setPeerUnlock(enabled: boolean): Promise<AutolockDescription>;
  /** Throws `cluster.autolock` while it is off, and `unlock.shares-invalid`. */
  unlockKey(wish: UnlockKeyWish): Promise<UnlockKeyReply>;
}

/** The cluster as the control API sees it. Node references are an id, a unique prefix of one, or a hostname. */
export interface ClusterAdmin {
  describe(): Promise<ClusterDescription>;
  nodes(): Promise<readonly NodeDescription[]>;
  node(reference: string): Promise<NodeReply>;
  /** Refuses with `cluster.quorum` what would lose the quorum, unless `force`. Resolves when it has taken effect. */
  setRole(reference: string, role: NodeRole, force: boolean): Promise<NodeReply>;
  /** Refuses with `cluster.quorum` a manager, unless `force`, and a node that is not down, unless `force`. */
  remove(reference: string, force: boolean): Promise<NodeReply>;
  authority(): Promise<AuthorityDescription>;
  /** Begins a rotation; `authority()` tells how far it is. */
  rotateAuthority(): Promise<AuthorityDescription>;
  setCertificateLifetime(lifetime_ms: number): Promise<ClusterDescription>;
  readonly autolock: AutolockAdmin;
  readonly dataKey: DataKeyAdmin;
  readonly survivors: SurvivorAdmin;
  readonly maintenance: MaintenanceAdmin;
  readonly grants: GrantAdmin;
  readonly policies: PolicyAdmin;
  tokens(): readonly TokenDescription[];
  createToken(wish: TokenWish): Promise<TokenReply>;
  /** By the token's id, which is the fifth part of the token. */
  revokeToken(id: string): Promise<void>;
}
