// SPDX-License-Identifier: Apache-2.0
// How far each manager's audit log has come, as it has signed it itself: what was said to the others cannot be cut off unnoticed.

/** A line that was written, and stays. */
export interface AuditPlace {
  /** The name of the chain. */
  readonly chain: string;
  /** The record's number in it. */
  readonly seq: number;
  /** SHA-256 of its line, base64url. */
  readonly hash: string;
  /** When it was signed. */
  readonly at_ms: number;
}

/** One for each manager; a later one takes its place. */
export interface AuditHeadObject extends AuditPlace {
  readonly kind: 'audit-head';
  readonly nodeId: string;
  /** Of the key that has signed it; a renewed certificate has another one. */
  readonly publicKeyFingerprint: string;
  readonly signature: Buffer;
  /** A line that was signed before, and was not in the log any more. It is told from then on, until somebody acknowledges it. */
  readonly lost: AuditPlace | undefined;
}

/**
 * Fails with `cluster.node-not-found` or `cluster.role` unless it is of a manager. What was found lost stays so, whether the command
 * says it or not.
 */
export interface PutAuditHead {
  readonly kind: 'put-audit-head';
  readonly head: AuditHeadObject;
}

/**
 * Somebody knows that this line was lost, which is not told from then on. Fails with `audit.not-lost` where the head says that another one
 * was, and as `put-audit-head`. Changes nothing where none was.
 */
export interface AcknowledgeAuditLoss {
  readonly kind: 'acknowledge-audit-loss';
  readonly nodeId: string;
  readonly lost: AuditPlace;
}

/** A signature of ECDSA on P-256 in DER has 72 at most. */
export const AUDIT_SIGNATURE_BYTES_MAX = 128;
