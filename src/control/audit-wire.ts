// SPDX-License-Identifier: Apache-2.0
// What the audit log is asked for, and answers.
import type { Auditor, AuditRecord, HeadSignature, RecordFilter } from '../audit/index.ts';

/** The audit log of this manager. */
export interface AuditAdmin {
  readonly auditor: Auditor;
  /** Those that match, the oldest first. */
  select(filter: RecordFilter): Promise<readonly AuditRecord[]>;
  verify(): Promise<AuditVerifyReply>;
  /** Somebody knows of it: it is not told any more. Throws `audit.not-lost` for any other. */
  acknowledge(lost: LostRecord): Promise<LostRecord>;
}

/** A record that other managers knew of, and that was not there any more at a start. */
export interface LostRecord {
  readonly seq: number;
  /** When it was signed. */
  readonly at_ms: number;
}

/** `GET /v1/audit`. */
export interface AuditReply {
  readonly records: readonly AuditRecord[];
}

/** `GET /v1/audit/verify`: whether the files of this manager are what was written. */
export interface AuditVerifyReply {
  /** How many are whole, from the oldest on. */
  readonly records: number;
  /** When the last of them was written. */
  readonly wholeTo?: string | undefined;
  /** The first thing that is wrong. */
  readonly problem?: { readonly line: number; readonly what: string } | undefined;
  /** What the other managers know of it. */
  readonly head?:
    | { readonly seq: number; readonly at_ms: number; readonly signature: HeadSignature }
    | undefined;
  readonly lost?: LostRecord | undefined;
}

/** `POST /v1/audit/acknowledge`, whose body is a `LostRecord` as `verify` tells it. */
export interface AuditAcknowledgeReply {
  readonly lost: LostRecord;
}

/** Of `GET /v1/status`. */
export interface AuditStatus {
  /** Where it goes; none: it is off. */
  readonly sinks: readonly string[];
  /** What is wrong with each that cannot be written. */
  readonly problems: readonly string[];
  /** Whether nothing is delivered, since none can be written. */
  readonly stopsDeliveries: boolean;
}
