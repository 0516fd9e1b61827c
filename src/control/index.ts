// SPDX-License-Identifier: Apache-2.0
export type {
  AuthorityDescription,
  AutolockAdmin,
  AutolockDescription,
  DataKeyAdmin,
  DataKeyDescription,
  ClusterAdmin,
  GrantAdmin,
  GrantDescription,
  GrantFilter,
  GrantReply,
  GrantsReply,
  GrantWish,
  PolicyAdmin,
  PolicyDefaultReply,
  PolicyEffect,
  PolicyReply,
  PolicyRuleDescription,
  PolicyRuleReply,
  PolicyRuleWish,
  RemovedRuleReply,
  RevokedReply,
  BackupSchedule,
  ClusterDescription,
  NodeDescription,
  NodeReply,
  NodeRole,
  NodesReply,
  MaintenanceAdmin,
  PurgeDescription,
  Schedules,
  SurvivorAdmin,
  LastEntry,
  SurvivorDescription,
  SurvivorSurvey,
  SurvivorWish,
  PeerUnlockDescription,
  ToldSurvivor,
  TokenDescription,
  TokenReply,
  TokenRevokedReply,
  TokensReply,
  TokenWish,
  UnlockKeyReply,
  UnlockKeyWish,
} from './cluster-wire.ts';
export type { WorkloadAuthorityDescription } from './certificate-wire.ts';
export type {
  AuditAcknowledgeReply,
  AuditAdmin,
  AuditReply,
  AuditStatus,
  AuditVerifyReply,
  LostRecord,
} from './audit-wire.ts';
export type {
  ForceNewCluster,
  ForcePhase,
  ForceProgress,
  RemovedManager,
  SurvivorsReply,
} from './force-wire.ts';
export type { SwarmImportReply } from './import-wire.ts';
export { describeRotation } from './describe-rotation.ts';
export type { Ledger, LedgerEntry, LedgerName, LedgerReply, LedgerState } from './ledger-wire.ts';
export type { ControlOptions, EngineUses } from './options.ts';
export type { RebuildAdmin, RebuildDescription } from './rebuild-wire.ts';
export type { RotatedState, RotateReply, RotationDescription, RotationsReply } from './rotation-wire.ts';
export type { ResealReply, SealingKeyDescription } from './sealing-wire.ts';
export { type ControlServer, createControlServer } from './server.ts';
export type {
  AgentReport,
  BackupHeaderReply,
  BackupReply,
  Check,
  ClusterStatus,
  DaemonStatus,
  DestroyReply,
  DoctorReply,
  DrillReply,
  EngineStatus,
  ErrorReply,
  RefusedReply,
  PeerUnlockStatus,
  PruneReply,
  PutReply,
  Refusal,
  RefusalsReply,
  RestoreReply,
  RollbackReply,
  ScheduledBackupsReply,
  SecretDescription,
  SecretReply,
  SecretsReply,
  UnlockReply,
  UpkeepStatus,
} from './wire.ts';
export type { SecretUse } from './policy-test.ts';
export type { PolicyTestReply, PolicyTestResult } from './policy-wire.ts';
export type { ImportedSecret, ImportedService } from '../import/index.ts';
export type { Finding, WhyReply, WhySecret, WhySubject } from '../diagnosis/index.ts';
