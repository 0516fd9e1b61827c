// SPDX-License-Identifier: Apache-2.0
// A rule as people read it.
import type { PolicyRuleObject } from './policy.ts';

type RuleWords = Omit<PolicyRuleObject, 'kind' | 'id' | 'addedAt_ms'>;

/** Such as `allow shop_db to service shop_web, node-label zone=eu`. */
export function ruleWords(rule: RuleWords): string {
  return `${rule.effect} ${rule.secret} to ${conditionsOf(rule)}`;
}

/** In the words that are typed; `everybody` for a rule that names nothing. */
export function conditionsOf(rule: Omit<RuleWords, 'effect' | 'secret'>): string {
  const words = [
    ...named('service', rule.service),
    ...named('stack', rule.stack),
    ...labelled('service-label', rule.serviceLabels),
    ...named('image', rule.image),
    ...named('node', rule.node),
    ...labelled('node-label', rule.nodeLabels),
  ];
  return words.length === 0 ? 'everybody' : words.join(', ');
}

function named(what: string, name: string): readonly string[] {
  return name === '' ? [] : [`${what} ${name}`];
}

function labelled(what: string, labels: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${what} ${key}=${value}`);
}
