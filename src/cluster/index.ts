// SPDX-License-Identifier: Apache-2.0
// A node among others: certificates, joining, membership, and the way of the log's messages.
export { DEFAULT_PORT, withPort } from './addresses.ts';
export type {
  AuthorityDescription,
  AutolockAdmin,
  AutolockDescription,
  DataKeyAdmin,
  DataKeyDescription,
  ClusterAdmin,
  BackupSchedule,
  ClusterDescription,
  NodeDescription,
  NodeReply,
  NodeRole,
  NodesReply,
  MaintenanceAdmin,
  PurgeDescription,
  Schedules,
  NodeStatus,
  PeerUnlockDescription,
  TokenDescription,
  TokenReply,
  TokensReply,
  TokenWish,
  UnlockKeyReply,
  UnlockKeyWish,
} from './admin-model.ts';
export type {
  GrantAdmin,
  GrantDescription,
  GrantFilter,
  GrantReply,
  GrantsReply,
  GrantWish,
  RevokedReply,
} from './grant-model.ts';
export type {
  PolicyAdmin,
  PolicyDefaultReply,
  PolicyEffect,
  PolicyReply,
  PolicyRuleDescription,
  PolicyRuleReply,
  PolicyRuleWish,
  RemovedRuleReply,
} from './policy-model.ts';
export type {
  LastEntry,
  SurvivorAdmin,
  SurvivorDescription,
  SurvivorSurvey,
  SurvivorWish,
  ToldSurvivor,
} from './survivor-model.ts';
export {
  type ManagerAnswer,
  type ManagerReport,
  REPORT_TEXT_MAX,
  REPORTED_REFUSALS_MAX,
  type ReportedDelivery,
  type ReportedMount,
  type ReportedRefusal,
} from './report-model.ts';
export { PeerUnlock, type PeerUnlockState } from './peer-unlock.ts';
export { ClusterNode } from './cluster-node.ts';
export type { ClusterPlace, ClusterReach } from './cluster-place.ts';
export type { ManagerContact } from './identity.ts';
export type { Rebuild, RebuildWish } from './rebuild.ts';
export type { ClusterSettings, EngineFacts } from './cluster-settings.ts';
