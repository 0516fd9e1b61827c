// SPDX-License-Identifier: Apache-2.0
// What the pages ask a daemon. No value is among it, so that none can come into a page.
import type { AuditRecord, RecordFilter } from '../audit/index.ts';
import type {
  AuditVerifyReply,
  AuthorityDescription,
  AutolockDescription,
  Check,
  ClusterDescription,
  DaemonStatus,
  LedgerReply,
  NodeDescription,
  RotateReply,
  RotationsReply,
  ScheduledBackupsReply,
  SecretReply,
  SecretsReply,
  WhyReply,
} from '../control/index.ts';

/** As a page shows it: a newer daemon may tell of an event that is not known here. */
export type ShownRecord = Omit<AuditRecord, 'event'> & { readonly event: string };

/** What is generated is made by the daemon, which tells nobody. */
export interface RotationWish {
  /** `hex:32`, `base64:32`, `password:24` or `uuid`; a certificate is made as its labels say. */
  readonly value: { readonly spec: string } | 'as-its-labels-say';
  /** Only if this is the current version. */
  readonly expect: number;
  /** For each service. */
  readonly timeout_ms: number;
}

/** Rejects with what `UiOptions.explain` can tell. */
export interface Daemon {
  status(): Promise<DaemonStatus>;
  checks(): Promise<readonly Check[]>;
  cluster(): Promise<ClusterDescription>;
  nodes(): Promise<readonly NodeDescription[]>;
  authority(): Promise<AuthorityDescription>;
  autolock(): Promise<AutolockDescription>;
  backups(): Promise<ScheduledBackupsReply>;
  secrets(): Promise<SecretsReply>;
  secret(name: string): Promise<SecretReply>;
  /** Who holds this secret, or any. */
  ledger(secret?: string): Promise<LedgerReply>;
  why(name: string): Promise<WhyReply>;
  /** The oldest first. */
  audit(filter: RecordFilter): Promise<readonly ShownRecord[]>;
  verifyAudit(): Promise<AuditVerifyReply>;
  /** Of this secret, or of all; the newest first. */
  rotations(secret?: string): Promise<RotationsReply>;
  rotate(secret: string, wish: RotationWish): Promise<RotateReply>;
  cancelRotation(secret: string): Promise<RotateReply>;
}
