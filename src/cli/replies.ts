// SPDX-License-Identifier: Apache-2.0
// What the daemon may answer. A newer daemon may say more; what is said must be of the right kind.
import * as v from 'valibot';
import { auditStatus } from './audit-replies.ts';
import { rotation } from './rotation-replies.ts';
import type {
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
} from '../control/index.ts';
import type { StoreStatus } from '../store/index.ts';

/** A schema whose output is one of the control API's own types. */
export type ReplySchema<Reply> = v.GenericSchema<unknown, Reply>;

export const errorReply: ReplySchema<ErrorReply> = v.object({
  code: v.string(),
  message: v.string(),
  hint: v.optional(v.string()),
});

export const refusedReply: ReplySchema<RefusedReply> = v.object({
  code: v.string(),
  message: v.string(),
  hint: v.optional(v.string()),
  request: v.optional(v.string()),
});

const freshness = v.picklist(['linearizable', 'local']);

const secretDescription: ReplySchema<SecretDescription> = v.object({
  id: v.string(),
  name: v.string(),
  labels: v.record(v.string(), v.string()),
  origin: v.picklist(['control', 'gateway', 'generated']),
  pending: v.boolean(),
  engine: v.optional(v.object({ secretId: v.string(), swarmId: v.string() })),
  version: v.number(),
  size: v.number(),
  versions: v.array(
    v.object({
      number: v.number(),
      createdAt_ms: v.number(),
      size: v.number(),
      copyOf: v.optional(v.number()),
    }),
  ),
  destroyed: v.array(
    v.object({
      number: v.number(),
      createdAt_ms: v.number(),
      size: v.number(),
      destroyedAt_ms: v.number(),
    }),
  ),
  createdAt_ms: v.number(),
  updatedAt_ms: v.number(),
  nextRotationAt_ms: v.optional(v.number()),
  certificate: v.optional(
    v.object({
      subject: v.string(),
      names: v.optional(v.string()),
      serial: v.string(),
      notAfter_ms: v.number(),
    }),
  ),
  expiresAt_ms: v.optional(v.number()),
});

export const secretsReply: ReplySchema<SecretsReply> = v.object({
  secrets: v.array(secretDescription),
  freshness,
});

export const secretReply: ReplySchema<SecretReply> = v.object({
  secret: secretDescription,
  freshness,
  grants: v.optional(v.array(v.string())),
});

export const putReply: ReplySchema<PutReply> = v.object({ secret: secretDescription, changed: v.boolean() });

export const rollbackReply: ReplySchema<RollbackReply> = v.object({
  secret: secretDescription,
  from: v.number(),
});

export const pruneReply: ReplySchema<PruneReply> = v.object({
  secret: secretDescription,
  pruned: v.array(v.number()),
});

export const destroyReply: ReplySchema<DestroyReply> = v.object({ secret: secretDescription });

export const backupReply: ReplySchema<BackupReply> = v.object({
  appliedIndex: v.number(),
  secrets: v.number(),
  versions: v.number(),
  values_bytes: v.number(),
  freshness,
});

export const restoreReply: ReplySchema<RestoreReply> = v.object({
  restored: v.number(),
  replaced: v.number(),
  skipped: v.number(),
  versions: v.number(),
});

const moment = v.optional(v.number());

export const backupHeaderReply: ReplySchema<BackupHeaderReply> = v.object({
  header: v.string(),
  size: v.number(),
});

export const drillReply: ReplySchema<DrillReply> = v.object({
  passed: v.boolean(),
  problems: v.array(v.string()),
  secrets: v.number(),
  versions: v.number(),
  values_bytes: v.number(),
  duration_ms: v.number(),
  inMemory: v.boolean(),
  createdAt_ms: moment,
  clusterId: v.optional(v.string()),
  appliedIndex: v.optional(v.number()),
});

export const scheduledBackupsReply: ReplySchema<ScheduledBackupsReply> = v.object({
  directory: v.string(),
  schedule: v.optional(
    v.object({
      every_ms: v.number(),
      offset_ms: v.number(),
      recipients: v.array(v.string()),
      keep: v.number(),
    }),
  ),
  nextAt_ms: moment,
  running: v.boolean(),
  failure: v.optional(
    v.object({ failedAt_ms: v.number(), message: v.string(), hint: v.optional(v.string()) }),
  ),
  files: v.array(v.object({ name: v.string(), createdAt_ms: v.number(), size: v.number() })),
});

const upkeepStatus: ReplySchema<UpkeepStatus> = v.object({
  dataKeyMadeAt_ms: moment,
  dataKeyNextAt_ms: moment,
  dataKeyProblem: v.optional(v.string()),
  backups: v.optional(v.object({ lastAt_ms: moment, nextAt_ms: moment, problem: v.optional(v.string()) })),
  rotations: v.array(rotation),
});

const storeStatus: ReplySchema<StoreStatus> = v.object({
  role: v.picklist(['leader', 'follower', 'candidate']),
  clusterId: v.string(),
  nodeId: v.string(),
  term: v.number(),
  firstIndex: v.number(),
  appliedIndex: v.number(),
  commitIndex: v.number(),
  lastIndex: v.number(),
  lastTerm: v.number(),
  secrets: v.number(),
  loaded_percent: v.optional(v.number()),
  dataKeyId: v.string(),
  dataKeySealed: v.boolean(),
  diskFree_bytes: v.number(),
});

const engineStatus: ReplySchema<EngineStatus> = v.object({
  address: v.string(),
  reachable: v.boolean(),
  problem: v.optional(v.string()),
  version: v.optional(v.string()),
  swarm: v.optional(v.string()),
  swarmId: v.optional(v.string()),
  nodeId: v.optional(v.string()),
  manager: v.optional(v.boolean()),
});

const clusterStatus: ReplySchema<ClusterStatus> = v.object({
  role: v.optional(v.picklist(['manager', 'worker'])),
  nodeId: v.optional(v.string()),
  address: v.optional(v.string()),
  problem: v.optional(v.string()),
});

const peerUnlockStatus: ReplySchema<PeerUnlockStatus> = v.object({
  enabled: v.boolean(),
  asking: v.boolean(),
  problem: v.optional(v.string()),
  unlockedBy: v.optional(v.string()),
});

const agentReport: ReplySchema<AgentReport> = v.object({
  manager: v.optional(v.string()),
  connectedAt_ms: moment,
  problem: v.optional(v.string()),
  volumes: v.number(),
  mounted: v.number(),
  secrets: v.number(),
  cutOff: v.boolean(),
});

export const daemonStatus: ReplySchema<DaemonStatus> = v.object({
  version: v.string(),
  state: v.picklist(['starting', 'serving', 'degraded']),
  reason: v.optional(errorReply),
  uptime_ms: v.number(),
  mode: v.picklist(['process', 'managed']),
  driverName: v.string(),
  sockets: v.object({ plugin: v.string(), gateway: v.string(), control: v.string() }),
  stateDirectory: v.string(),
  unlockKeySource: v.optional(v.object({ file: v.string(), besideData: v.boolean() })),
  peerUnlock: v.optional(peerUnlockStatus),
  audit: v.optional(auditStatus),
  engine: v.optional(engineStatus),
  cluster: v.optional(clusterStatus),
  upkeep: v.optional(upkeepStatus),
  agent: v.optional(agentReport),
  sessions: v.optional(v.number()),
  store: v.optional(storeStatus),
});

const refusalReason = {
  at_ms: v.number(),
  code: v.string(),
  message: v.string(),
  hint: v.optional(v.string()),
};

const refusal: ReplySchema<Refusal> = v.variant('kind', [
  v.object({
    ...refusalReason,
    kind: v.literal('secret'),
    service: v.string(),
    task: v.string(),
    secret: v.string(),
  }),
  v.object({ ...refusalReason, kind: v.literal('volume'), volume: v.string(), users: v.array(v.string()) }),
]);

export const refusalsReply: ReplySchema<RefusalsReply> = v.object({ refusals: v.array(refusal) });

const check: ReplySchema<Check> = v.object({
  name: v.string(),
  level: v.picklist(['ok', 'warning', 'failure']),
  message: v.string(),
  mend: v.optional(v.string()),
});

export const doctorReply: ReplySchema<DoctorReply> = v.object({ checks: v.array(check) });

export const unlockReply: ReplySchema<UnlockReply> = v.object({
  state: v.picklist(['starting', 'serving', 'degraded']),
});
