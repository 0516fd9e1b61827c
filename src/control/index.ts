// SPDX-License-Identifier: Apache-2.0
export type { ControlLimits, ControlOptions, EngineUses } from './options.ts';
export { type ControlServer, createControlServer } from './server.ts';
export type {
  Check,
  DaemonStatus,
  DoctorReply,
  EngineStatus,
  ErrorReply,
  PutReply,
  Refusal,
  RefusalsReply,
  SecretDescription,
  SecretReply,
  SecretsReply,
} from './wire.ts';
