// SPDX-License-Identifier: Apache-2.0
// What the daemon may answer about a new cluster that is forced; as in replies.ts.
import * as v from 'valibot';
import type { ForceProgress, LastEntry, SurvivorsReply } from '../control/index.ts';
import { errorReply, type ReplySchema } from './replies.ts';

const lastEntry: ReplySchema<LastEntry> = v.object({ term: v.number(), index: v.number() });

export const survivorsReply: ReplySchema<SurvivorsReply> = v.object({
  managers: v.array(
    v.object({
      id: v.string(),
      hostname: v.string(),
      address: v.string(),
      self: v.boolean(),
      voter: v.boolean(),
      state: v.picklist(['answers', 'told', 'unready', 'silent']),
      lastEntry: v.optional(lastEntry),
      problem: v.optional(v.string()),
    }),
  ),
  lastEntry,
  alone: v.boolean(),
  refusal: v.optional(errorReply),
});

export const forceProgress: ReplySchema<ForceProgress> = v.object({
  phase: v.picklist(['idle', 'reopening', 'removing', 'done', 'failed']),
  removed: v.array(v.object({ id: v.string(), hostname: v.string(), address: v.string() })),
  lastEntry: v.optional(lastEntry),
  problem: v.optional(errorReply),
});
