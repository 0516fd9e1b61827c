// SPDX-License-Identifier: Apache-2.0
export type {
  AuthorityDescription,
  AutolockAdmin,
  AutolockDescription,
  ClusterAdmin,
  ClusterDescription,
  NodeDescription,
  NodeReply,
  NodeRole,
  NodesReply,
  NodeStatus,
  TokenDescription,
  TokenReply,
  TokenRevokedReply,
  TokensReply,
  TokenWish,
  UnlockKeyReply,
  UnlockKeyWish,
} from './cluster-wire.ts';
export type { ControlLimits, ControlOptions, EngineUses } from './options.ts';
export { type ControlServer, createControlServer } from './server.ts';
export type {
  BackupReply,
  Check,
  ClusterStatus,
  DaemonStatus,
  DoctorReply,
  EngineStatus,
  ErrorReply,
  PutReply,
  Refusal,
  RefusalsReply,
  RestoreReply,
  SecretDescription,
  SecretReply,
  SecretsReply,
  UnlockReply,
} from './wire.ts';
