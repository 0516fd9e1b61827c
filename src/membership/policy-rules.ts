// SPDX-License-Identifier: Apache-2.0
// How a policy changes; pure, as the rules of rules.ts.
import { CofferError, sameTexts, unreachable } from '../common/index.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import { put, remove } from './effects.ts';
import { checkPolicyRule } from './policy-check.ts';
import { POLICY_RULES_MAX, type PolicyCommand, type PolicyRuleObject } from './policy.ts';

export function applyPolicyCommand(view: ClusterView, command: PolicyCommand): readonly ObjectEffect[] {
  switch (command.kind) {
    case 'put-policy-rule':
      return putRule(view, command.rule);
    case 'remove-policy-rule':
      return removeRule(view, command.id);
    case 'set-policy-default':
      return view.policy.default === command.policy.effect ? [] : [put(command.policy)];
    default:
      return unreachable(command);
  }
}

/** Whether they say the same, whatever they are called and whenever they were added. */
export function samePolicyRule(a: PolicyRuleObject, b: PolicyRuleObject): boolean {
  return (
    a.effect === b.effect &&
    a.secret.toLowerCase() === b.secret.toLowerCase() &&
    a.service === b.service &&
    a.stack === b.stack &&
    a.image === b.image &&
    a.node === b.node &&
    sameTexts(a.serviceLabels, b.serviceLabels) &&
    sameTexts(a.nodeLabels, b.nodeLabels)
  );
}

function putRule(view: ClusterView, rule: PolicyRuleObject): readonly ObjectEffect[] {
  checkPolicyRule(rule);
  const { rules } = view.policy;
  if (rules.some((other) => samePolicyRule(other, rule))) {
    return [];
  }
  if (rules.some(({ id }) => id === rule.id)) {
    throw new CofferError('policy.invalid', 'the id of a rule is used once');
  }
  if (rules.length >= POLICY_RULES_MAX) {
    throw new CofferError('policy.invalid', `there are ${POLICY_RULES_MAX} rules already`, {
      hint: 'One with a pattern does the work of many: "db-*". Remove others: docker coffer policy ls, docker coffer policy rm.',
    });
  }
  return [put(rule)];
}

function removeRule(view: ClusterView, id: string): readonly ObjectEffect[] {
  const rule = view.policy.rules.find((one) => one.id === id);
  if (rule === undefined) {
    throw new CofferError('policy.not-found', `there is no rule ${id}`, {
      hint: 'See the rules: docker coffer policy ls',
    });
  }
  return [remove(rule)];
}
