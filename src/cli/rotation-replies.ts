// SPDX-License-Identifier: Apache-2.0
// What the daemon may answer about rotations of secrets; as in replies.ts.
import * as v from 'valibot';
import type { RotateReply, RotationDescription, RotationsReply } from '../control/index.ts';
import type { ReplySchema } from './replies.ts';

export const rotation: ReplySchema<RotationDescription> = v.object({
  id: v.string(),
  secret: v.string(),
  fromVersion: v.number(),
  toVersion: v.number(),
  restoredVersion: v.optional(v.number()),
  phase: v.picklist(['updating', 'rolling-back', 'done', 'rolled-back', 'failed']),
  problem: v.optional(v.string()),
  timeout_ms: v.number(),
  services: v.array(
    v.object({
      id: v.string(),
      name: v.string(),
      state: v.picklist([
        'waiting',
        'updating',
        'updated',
        'reverting',
        'reverted',
        'failed',
        'gone',
        'left-out',
      ]),
      note: v.optional(v.string()),
    }),
  ),
  begunAt_ms: v.number(),
  endedAt_ms: v.optional(v.number()),
  heldAt_ms: v.optional(v.number()),
  heldBecause: v.optional(v.string()),
});

export const rotateReply: ReplySchema<RotateReply> = v.object({ rotation });

export const rotationsReply: ReplySchema<RotationsReply> = v.object({
  rotations: v.array(rotation),
  freshness: v.picklist(['linearizable', 'local']),
});
