// SPDX-License-Identifier: Apache-2.0
// Which rules are for a secret, without looking at all of them whenever a task starts.
import { globMatcher, NAME_LENGTH_MAX } from '../common/index.ts';
import type { Policy, PolicyEffect, PolicyRuleObject } from './policy.ts';

const PATTERN = /[*?]/;

/** `rules` in the order in which they were added. */
export function indexedPolicy(byDefault: PolicyEffect, rules: readonly PolicyRuleObject[]): Policy {
  return { default: byDefault, rules, rulesFor: rulesBySecret(rules) };
}

export const EVERYTHING_ALLOWED: Policy = indexedPolicy('allow', []);

function rulesBySecret(rules: readonly PolicyRuleObject[]): Policy['rulesFor'] {
  const keyed = rules.map((rule) => {
    const key = rule.secret.toLowerCase();
    return { rule, key, isPattern: PATTERN.test(key), matches: globMatcher(key) };
  });
  const patterns = keyed.filter(({ isPattern }) => isPattern);
  const named = new Set(keyed.filter(({ isPattern }) => !isPattern).map(({ key }) => key));
  /** Of names that rules have, so that others' names cannot make it grow. */
  const found = new Map<string, readonly PolicyRuleObject[]>();
  return (secret) => {
    if (secret.length > NAME_LENGTH_MAX) {
      return rules;
    }
    if (!named.has(secret)) {
      return patterns.filter(({ matches }) => matches(secret)).map(({ rule }) => rule);
    }
    const known = found.get(secret);
    if (known !== undefined) {
      return known;
    }
    const matching = keyed.filter(({ matches }) => matches(secret)).map(({ rule }) => rule);
    found.set(secret, matching);
    return matching;
  };
}
