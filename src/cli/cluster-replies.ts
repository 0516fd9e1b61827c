// SPDX-License-Identifier: Apache-2.0
// What the daemon may answer about the cluster; see replies.ts.
import * as v from 'valibot';
import type {
  AuthorityDescription,
  AutolockDescription,
  ClusterDescription,
  DataKeyDescription,
  PurgeDescription,
  Schedules,
  NodeDescription,
  NodeReply,
  NodesReply,
  RebuildDescription,
  TokenDescription,
  TokenReply,
  TokenRevokedReply,
  TokensReply,
  UnlockKeyReply,
} from '../control/index.ts';
import type { ReplySchema } from './replies.ts';

const texts = v.array(v.string());
const freshness = v.picklist(['linearizable', 'local']);
const role = v.picklist(['manager', 'worker']);

const nodeStatus = v.picklist(['ready', 'joining', 'down', 'unknown']);

const node: ReplySchema<NodeDescription> = v.object({
  id: v.string(),
  hostname: v.string(),
  role,
  status: nodeStatus,
  leader: v.boolean(),
  voter: v.boolean(),
  self: v.boolean(),
  address: v.string(),
  engineNodeId: v.string(),
  joinedAt_ms: v.number(),
  certificate: v.object({ notAfter_ms: v.number(), authorityDigest: v.string() }),
  matchIndex: v.optional(v.number()),
});

export const nodesReply: ReplySchema<NodesReply> = v.object({ nodes: v.array(node) });

export const nodeReply: ReplySchema<NodeReply> = v.object({
  node,
  warnings: texts,
  grants: v.optional(v.number()),
});

export const schedules: ReplySchema<Schedules> = v.object({
  dataKey_ms: v.optional(v.number()),
  oldestDataKeyMadeAt_ms: v.optional(v.number()),
  backup: v.optional(
    v.object({
      every_ms: v.number(),
      offset_ms: v.optional(v.number()),
      recipients: texts,
      keep: v.number(),
    }),
  ),
});

export const purgeDescription: ReplySchema<PurgeDescription> = v.object({
  version: v.number(),
  askedAt_ms: v.optional(v.number()),
  managers: v.array(
    v.object({ id: v.string(), hostname: v.string(), status: nodeStatus, done: v.boolean() }),
  ),
});

export const clusterDescription: ReplySchema<ClusterDescription> = v.object({
  id: v.string(),
  createdAt_ms: v.number(),
  managers: v.number(),
  workers: v.number(),
  voters: v.number(),
  quorum: v.number(),
  reachableVoters: v.optional(v.number()),
  leader: v.optional(v.object({ id: v.string(), hostname: v.string() })),
  certificateLifetime_ms: v.number(),
  revoked: v.number(),
  schedules: v.optional(schedules),
  warnings: texts,
});

export const authorityDescription: ReplySchema<AuthorityDescription> = v.object({
  digest: v.string(),
  certificates: v.string(),
  notAfter_ms: v.number(),
  rotation: v.optional(
    v.object({ startedAt_ms: v.number(), nodes: v.number(), renewed: v.number(), unreachable: texts }),
  ),
});

export const rebuildDescription: ReplySchema<RebuildDescription> = v.object({
  stage: v.picklist(['none', 'joined', 'copying', 'done']),
  nodeId: v.optional(v.string()),
  replaces: v.optional(v.string()),
  setAside: v.optional(v.string()),
  secrets: v.optional(v.number()),
  problem: v.optional(v.string()),
});

export const dataKeyDescription: ReplySchema<DataKeyDescription> = v.object({
  id: v.string(),
  sealed: v.boolean(),
  rotation: v.optional(v.object({ resealed: v.number() })),
  problem: v.optional(v.string()),
  madeAt_ms: v.optional(v.number()),
  nextAt_ms: v.optional(v.number()),
  still_ms: v.optional(v.number()),
});

const token: ReplySchema<TokenDescription> = v.object({
  id: v.string(),
  role,
  createdAt_ms: v.number(),
  expiresAt_ms: v.number(),
  usesLeft: v.number(),
});

export const tokensReply: ReplySchema<TokensReply> = v.object({ tokens: v.array(token) });

export const tokenReply: ReplySchema<TokenReply> = v.object({
  token: v.string(),
  description: token,
  addresses: texts,
});

export const tokenRevokedReply: ReplySchema<TokenRevokedReply> = v.object({ id: v.string() });

export const autolockDescription: ReplySchema<AutolockDescription> = v.object({
  enabled: v.boolean(),
  version: v.number(),
  sealedHere: v.boolean(),
  peerUnlock: v.optional(v.object({ managers: v.number(), known: v.number(), knownHere: v.boolean() })),
  freshness,
});

export const unlockKeyReply: ReplySchema<UnlockKeyReply> = v.object({
  unlockKey: v.optional(v.string()),
  shares: v.optional(texts),
  freshness,
});
