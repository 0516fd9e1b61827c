// SPDX-License-Identifier: Apache-2.0
// The shape of the answer to why a secret was refused, which is held against what the daemon sends.
import * as v from 'valibot';
import type { Finding, WhyReply } from '../control/index.ts';
import type { ReplySchema } from './replies.ts';

const finding: ReplySchema<Finding> = v.object({
  name: v.picklist([
    'swarm',
    'manager',
    'quorum',
    'clock',
    'audit log',
    'tasks',
    'containers',
    'driver',
    'policy',
    'value',
    'answer',
    'agent',
    'grant',
  ]),
  level: v.picklist(['ok', 'warning', 'failure']),
  message: v.string(),
  at_ms: v.optional(v.number()),
  mend: v.optional(v.string()),
});

export const whyReply: ReplySchema<WhyReply> = v.object({
  targets: v.array(
    v.object({
      kind: v.picklist(['service', 'task', 'secret', 'container', 'volume']),
      name: v.string(),
    }),
  ),
  healthy: v.boolean(),
  findings: v.array(finding),
  subjects: v.array(
    v.object({
      kind: v.picklist(['service', 'volume']),
      name: v.string(),
      findings: v.array(finding),
      secrets: v.array(
        v.object({
          name: v.string(),
          registered: v.string(),
          via: v.picklist(['secret', 'volume']),
          findings: v.array(finding),
        }),
      ),
    }),
  ),
});
