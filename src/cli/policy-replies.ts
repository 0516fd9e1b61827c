// SPDX-License-Identifier: Apache-2.0
// What the daemon may answer about policies; see replies.ts.
import * as v from 'valibot';
import type {
  PolicyDefaultReply,
  PolicyReply,
  PolicyRuleDescription,
  PolicyRuleReply,
  PolicyTestReply,
  RemovedRuleReply,
} from '../control/index.ts';
import { labels } from './grant-replies.ts';
import type { ReplySchema } from './replies.ts';

const effect = v.picklist(['allow', 'deny']);

const rule: ReplySchema<PolicyRuleDescription> = v.object({
  id: v.string(),
  effect,
  secret: v.string(),
  service: v.string(),
  stack: v.string(),
  serviceLabels: labels,
  image: v.string(),
  node: v.string(),
  nodeLabels: labels,
  addedAt_ms: v.number(),
});

export const policyReply: ReplySchema<PolicyReply> = v.object({
  default: effect,
  rules: v.array(rule),
  freshness: v.picklist(['linearizable', 'local']),
});

export const ruleReply: ReplySchema<PolicyRuleReply> = v.object({ rule, changed: v.boolean() });

export const removedRuleReply: ReplySchema<RemovedRuleReply> = v.object({ rule });

export const defaultReply: ReplySchema<PolicyDefaultReply> = v.object({ default: effect });

export const testReply: ReplySchema<PolicyTestReply> = v.object({
  default: effect,
  results: v.array(
    v.object({
      service: v.string(),
      secret: v.string(),
      effect,
      because: v.picklist(['default', 'rule', 'unknown']),
      rule: v.string(),
      deniedOn: v.array(v.string()),
    }),
  ),
  freshness: v.picklist(['linearizable', 'local']),
});
