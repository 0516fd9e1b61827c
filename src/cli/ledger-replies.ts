// SPDX-License-Identifier: Apache-2.0
// What the daemon may answer about who holds which secret; see replies.ts.
import * as v from 'valibot';
import type { LedgerEntry, LedgerName, LedgerReply } from '../control/index.ts';
import { errorReply, type ReplySchema } from './replies.ts';

const name: ReplySchema<LedgerName> = v.object({ id: v.string(), name: v.string() });

const entry: ReplySchema<LedgerEntry> = v.object({
  secret: v.string(),
  version: v.optional(v.number()),
  sealed: v.optional(v.string()),
  current: v.optional(v.number()),
  state: v.picklist(['current', 'stale', 'removed', 'unknown']),
  pinned: v.boolean(),
  via: v.picklist(['secret', 'volume']),
  service: v.optional(name),
  task: v.optional(v.string()),
  container: v.optional(name),
  node: v.object({ id: v.string(), hostname: v.string() }),
  givenAt_ms: v.optional(v.number()),
});

export const ledgerReply: ReplySchema<LedgerReply> = v.object({
  entries: v.array(entry),
  gaps: v.array(errorReply),
  freshness: v.picklist(['linearizable', 'local']),
});
