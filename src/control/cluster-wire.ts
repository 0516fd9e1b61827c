// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket about the cluster. Types alone, as in wire.ts.
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
  NodeStatus,
  SurvivorAdmin,
  LastEntry,
  SurvivorDescription,
  SurvivorSurvey,
  SurvivorWish,
  PeerUnlockDescription,
  ToldSurvivor,
  TokenDescription,
  TokenReply,
  TokensReply,
  TokenWish,
  UnlockKeyReply,
  UnlockKeyWish,
} from '../cluster/index.ts';

/** `DELETE /v1/join-tokens/:id`. */
export interface TokenRevokedReply {
  readonly id: string;
}
