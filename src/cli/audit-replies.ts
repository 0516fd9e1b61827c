// SPDX-License-Identifier: Apache-2.0
// What the daemon may answer about its audit log; see replies.ts.
import * as v from 'valibot';
import type {
  AuditAcknowledgeReply,
  AuditReply,
  AuditStatus,
  AuditVerifyReply,
  LostRecord,
} from '../control/index.ts';
import type { ReplySchema } from './replies.ts';

/** Of a newer daemon, an event that this program does not know is shown all the same. */
const record = v.object({
  seq: v.number(),
  at: v.string(),
  chain: v.string(),
  node: v.string(),
  event: v.string(),
  secret: v.optional(v.string()),
  version: v.optional(v.number()),
  volume: v.optional(v.string()),
  service: v.optional(v.string()),
  task: v.optional(v.string()),
  to: v.optional(v.string()),
  by: v.optional(v.string()),
  code: v.optional(v.string()),
  request: v.optional(v.string()),
  detail: v.optional(v.string()),
  from: v.optional(v.number()),
  prev: v.string(),
});

/** As `AuditRecord`. */
export type ShownRecord = Readonly<v.InferOutput<typeof record>>;
type ShownReply = Omit<AuditReply, 'records'> & { readonly records: readonly ShownRecord[] };

export const auditReply: ReplySchema<ShownReply> = v.object({ records: v.array(record) });

const lostRecord: ReplySchema<LostRecord> = v.object({ seq: v.number(), at_ms: v.number() });

export const auditVerifyReply: ReplySchema<AuditVerifyReply> = v.object({
  records: v.number(),
  wholeTo: v.optional(v.string()),
  problem: v.optional(v.object({ line: v.number(), what: v.string() })),
  head: v.optional(
    v.object({
      seq: v.number(),
      at_ms: v.number(),
      signature: v.picklist(['good', 'bad', 'other-key']),
    }),
  ),
  lost: v.optional(lostRecord),
});

export const auditAcknowledgeReply: ReplySchema<AuditAcknowledgeReply> = v.object({ lost: lostRecord });

export const auditStatus: ReplySchema<AuditStatus> = v.object({
  sinks: v.array(v.string()),
  problems: v.array(v.string()),
  stopsDeliveries: v.boolean(),
});
