// SPDX-License-Identifier: Apache-2.0
// What the managers of a cluster have in common beside its secrets: the CA, the join tokens, the nodes, and those that
// were removed. Each is an object of its own, so that no change rewrites more than it concerns.
import { DAY_MS, unreachable } from '../common/index.ts';
import type { AuditHeadObject } from './audit-head.ts';
import type { GrantObject } from './grant.ts';
import type { MaintenanceObject } from './maintenance.ts';
import type { PolicyObject } from './policy.ts';
import type { RotationObject } from './rotation.ts';
import type { SealingKeyObject } from './sealing-key.ts';

/** What a node is to the cluster. Its certificate says so as well. */
export const ROLES = ['manager', 'worker'] as const;
export type NodeRole = (typeof ROLES)[number];

/**
 * A manager that is to be one no longer leaves the log's configuration first, while its vote can still be had for that;
 * then it is made a worker, or removed.
 */
export const LEAVING = ['no', 'demoted', 'removed'] as const;
export type Leaving = (typeof LEAVING)[number];

/** The CA. Its key is nowhere but in the sealed, replicated state. */
export interface AuthorityObject {
  readonly kind: 'authority';
  /** PEM of the root that issues. */
  readonly certificate: string;
  /** PKCS#8 DER. Never shown, logged or wiped: it is needed until the root is replaced. */
  readonly privateKey: Buffer;
  /** While the root is being replaced. */
  readonly rotation: AuthorityRotation | undefined;
}

export interface AuthorityRotation {
  /** PEM of the root that issued before. It is trusted until the rotation ends. */
  readonly previous: string;
  /** PEM of the new root's key under the old root's signature, for those who trust the old root alone. */
  readonly crossSigned: string;
  readonly startedAt_ms: number;
}

export interface SettingsObject {
  readonly kind: 'settings';
  /** How long a node's certificate lasts. */
  readonly certificateLifetime_ms: number;
}

/** Whether the managers' keys are sealed on their disks, and by what. */
export interface AutolockObject {
  readonly kind: 'autolock';
  /** Counts the changes, from 1 on. */
  readonly version: number;
  /** 32 bytes; empty while autolock is off. Never shown but to an administrator, nor logged or wiped. */
  readonly unlockKey: Buffer;
  /** While the managers unlock one another. */
  readonly peerUnlock?: PeerUnlock | undefined;
}

export interface PeerUnlock {
  /**
   * The keys before `unlockKey`, the latest first: what a manager that was down while they were replaced is still sealed by.
   * As secret as it.
   */
  readonly earlierKeys: readonly Buffer[];
}

/** The key by which a manager that is locked is known to the others, while peer unlock is on. */
export interface PeerUnlockObject {
  readonly kind: 'peer-unlock';
  readonly nodeId: string;
  /** SHA-256 of the public key, in hexadecimal. */
  readonly publicKeyFingerprint: string;
  /** SHA-256 of the root that issued the certificate of it, in hexadecimal. */
  readonly authorityDigest: string;
}

/** A join token, without its secret. */
export interface TokenObject {
  readonly kind: 'token';
  readonly id: string;
  readonly role: NodeRole;
  /** 32 bytes: see `hashTokenSecret`. */
  readonly secretHash: Buffer;
  readonly createdAt_ms: number;
  readonly expiresAt_ms: number;
  /** How many nodes may still join with it. */
  readonly usesLeft: number;
}

/** What is known of the certificate that a node was given last. */
export interface NodeCertificate {
  /** PEM of the leaf alone. */
  readonly certificate: string;
  /** SHA-256 of the public key, in hexadecimal: by it a node that asks again is recognised. */
  readonly publicKeyFingerprint: string;
  /** SHA-256 of the root that issued it, in hexadecimal. */
  readonly authorityDigest: string;
  readonly notAfter_ms: number;
}

export interface NodeObject {
  readonly kind: 'node';
  /** 25 characters of base 36, never used again. */
  readonly id: string;
  /** What it is to be. Whether it votes already is for the configuration of the log to say. */
  readonly role: NodeRole;
  /** The manager's id in the log; a new one each time that a node becomes a manager. 0: a worker. */
  readonly raftId: number;
  readonly leaving: Leaving;
  readonly hostname: string;
  /** Where its managers' port is reached: `host:port`. Empty for a worker, which nobody calls. */
  readonly address: string;
  /** The node's id in the engine's swarm; empty if it is in none. */
  readonly engineNodeId: string;
  readonly joinedAt_ms: number;
  readonly certificate: NodeCertificate;
}

/** A node that was removed, kept until no certificate of its can be valid any more. */
export interface RevocationObject {
  readonly kind: 'revocation';
  readonly nodeId: string;
  readonly hostname: string;
  readonly removedAt_ms: number;
  /** From then on the object can go. */
  readonly until_ms: number;
}

export type ClusterObject =
  | AuthorityObject
  | AutolockObject
  | SettingsObject
  | TokenObject
  | NodeObject
  | PeerUnlockObject
  | RevocationObject
  | AuditHeadObject
  | GrantObject
  | PolicyObject
  | RotationObject
  | SealingKeyObject
  | MaintenanceObject;

/** A name for each object, unique in the cluster. */
export function objectKey(object: ClusterObject): string {
  switch (object.kind) {
    case 'authority':
    case 'autolock':
    case 'settings':
    case 'purge':
    case 'data-key-schedule':
    case 'backup-schedule':
    case 'policy-default':
      return object.kind;
    case 'token':
    case 'node':
    case 'grant':
    case 'policy-rule':
    case 'rotation':
    case 'sealing-key':
      return `${object.kind}/${object.id}`;
    case 'peer-unlock':
    case 'revocation':
    case 'data-key-report':
    case 'audit-head':
      return `${object.kind}/${object.nodeId}`;
    default:
      return unreachable(object);
  }
}

/** 90 days. */
const CERTIFICATE_LIFETIME_MS = 90 * DAY_MS;
/** Until somebody changes them. */
export const DEFAULT_SETTINGS: SettingsObject = {
  kind: 'settings',
  certificateLifetime_ms: CERTIFICATE_LIFETIME_MS,
};
/** One hour. */
export const CERTIFICATE_LIFETIME_MIN_MS = 60 * 60 * 1_000;
/** Ten years: the CA's own certificate lasts twenty. */
export const CERTIFICATE_LIFETIME_MAX_MS = 3_650 * DAY_MS;
/** Clocks differ: a revocation outlives the certificates that it is about by this long. */
export const REVOCATION_GRACE_MS = 7 * DAY_MS;

/** More nodes than one cluster is meant for. */
export const NODES_MAX = 10_000;
/** Tokens that can be used at the same time. */
export const TOKENS_MAX = 100;
/** As many managers as a configuration of the log can name, and far more than help. */
export const MANAGERS_MAX = 15;
export const UNLOCK_KEY_BYTES = 32;
/** Unlock keys that are kept beside the present one while peer unlock is on. */
export const EARLIER_KEYS_MAX = 8;
export const TEXT_BYTES_MAX = 512;
export const PEM_BYTES_MAX = 16 * 1024;
