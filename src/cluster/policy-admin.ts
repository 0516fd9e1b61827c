// SPDX-License-Identifier: Apache-2.0
// The policy, as any manager is told it: the wish goes through the log, which the leader takes it to.
import { CofferError } from '../common/index.ts';
import { checkPolicyRule, type PolicyRuleObject, samePolicyRule } from '../membership/index.ts';
import { newSecretId } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import type {
  PolicyAdmin,
  PolicyDefaultChange,
  PolicyEffect,
  PolicyReply,
  PolicyRuleDescription,
  PolicyRuleReply,
  PolicyRuleWish,
  RemovedRuleReply,
} from './policy-model.ts';

const READ_TIMEOUT_MS = 2_000;
const LISTED = 'See the rules: docker coffer policy ls';

export interface LocalPoliciesOptions {
  readonly store: SecretStore;
  readonly now_ms: () => number;
}

/** See `PolicyAdmin`. */
export class LocalPolicies implements PolicyAdmin {
  readonly #options: LocalPoliciesOptions;

  constructor(options: LocalPoliciesOptions) {
    this.#options = options;
  }

  async describe(): Promise<PolicyReply> {
    const { store } = this.#options;
    const freshness = await store.readBarrier(READ_TIMEOUT_MS);
    const { policy } = store.cluster;
    return { default: policy.default, rules: policy.rules.map(describeRule), freshness };
  }

  async add(wish: PolicyRuleWish): Promise<PolicyRuleReply> {
    const { now_ms, store } = this.#options;
    const rule: PolicyRuleObject = {
      kind: 'policy-rule',
      id: newSecretId(),
      effect: wish.effect,
      secret: wish.secret,
      service: wish.service ?? '',
      stack: wish.stack ?? '',
      serviceLabels: wish.serviceLabels ?? {},
      image: wish.image ?? '',
      node: wish.node ?? '',
      nodeLabels: wish.nodeLabels ?? {},
      addedAt_ms: now_ms(),
    };
    checkPolicyRule(rule);
    await store.propose({ kind: 'put-policy-rule', rule });
    const added = store.cluster.policy.rules.find((one) => samePolicyRule(one, rule));
    if (added === undefined) {
      throw new CofferError('policy.not-found', 'the rule was removed at once', { hint: LISTED });
    }
    return { rule: describeRule(added), changed: added.id === rule.id };
  }

  async remove(reference: string): Promise<RemovedRuleReply> {
    const { store } = this.#options;
    await store.readBarrier(READ_TIMEOUT_MS);
    const rule = this.#find(reference);
    await store.propose({ kind: 'remove-policy-rule', id: rule.id });
    return { rule: describeRule(rule) };
  }

  async setDefault(effect: PolicyEffect): Promise<PolicyDefaultChange> {
    const { now_ms, store } = this.#options;
    await store.readBarrier(READ_TIMEOUT_MS);
    const before = store.cluster.policy.default;
    const policy = { kind: 'policy-default', effect, setAt_ms: now_ms() } as const;
    await store.propose({ kind: 'set-policy-default', policy });
    return { default: effect, before };
  }

  #find(reference: string): PolicyRuleObject {
    const { rules } = this.#options.store.cluster.policy;
    const exact = rules.find(({ id }) => id === reference);
    if (exact !== undefined) {
      return exact;
    }
    const found = rules.filter(({ id }) => reference !== '' && id.startsWith(reference));
    const [rule, ...others] = found;
    if (rule === undefined) {
      throw new CofferError('policy.not-found', `there is no rule ${reference}`, { hint: LISTED });
    }
    if (others.length > 0) {
      throw new CofferError('request.invalid', `${reference} is ambiguous: ${found.length} rules match`, {
        hint: 'Use the whole id.',
      });
    }
    return rule;
  }
}

function describeRule({ kind: _kind, ...rule }: PolicyRuleObject): PolicyRuleDescription {
  return rule;
}
