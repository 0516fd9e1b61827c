// SPDX-License-Identifier: Apache-2.0
// Policies as an administrator sees them. Types alone, as in admin-model.ts.

export type PolicyEffect = 'allow' | 'deny';

/** A rule. All that it names must hold; what is empty names nothing. See docs/policy.md. */
export interface PolicyRuleDescription {
  /** 25 characters of base 36. */
  readonly id: string;
  readonly effect: PolicyEffect;
  /** A secret's name, in which `*` stands for any characters and `?` for one. Case does not count. */
  readonly secret: string;
  /** A service's name, likewise, but that case counts. */
  readonly service: string;
  readonly stack: string;
  readonly serviceLabels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly node: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly addedAt_ms: number;
}

/** `GET /v1/policy`. */
export interface PolicyReply {
  /** What holds where no rule does. */
  readonly default: PolicyEffect;
  /** In the order in which they were added. */
  readonly rules: readonly PolicyRuleDescription[];
  /** `local`: no leader has confirmed that it is so still. */
  readonly freshness: 'linearizable' | 'local';
}

/** `POST /v1/policy/rules`, whose body is a `PolicyRuleWish`. */
export interface PolicyRuleReply {
  readonly rule: PolicyRuleDescription;
  /** False when there was a rule that says the same: then that one is shown. */
  readonly changed: boolean;
}

/** `DELETE /v1/policy/rules/:id`: the rule as it was. */
export interface RemovedRuleReply {
  readonly rule: PolicyRuleDescription;
}

/** `PUT /v1/policy/default`, whose body is `{"effect": "allow"}` or `{"effect": "deny"}`. */
export interface PolicyDefaultReply {
  readonly default: PolicyEffect;
}

export interface PolicyDefaultChange extends PolicyDefaultReply {
  /** What held until then, as far as this manager knew. */
  readonly before: PolicyEffect;
}

export interface PolicyRuleWish {
  readonly effect: PolicyEffect;
  readonly secret: string;
  readonly service?: string | undefined;
  readonly stack?: string | undefined;
  readonly serviceLabels?: Readonly<Record<string, string>> | undefined;
  readonly image?: string | undefined;
  readonly node?: string | undefined;
  readonly nodeLabels?: Readonly<Record<string, string>> | undefined;
}

/** Who may have which secret. Changes throw `store.unavailable` without a majority. */
export interface PolicyAdmin {
  describe(): Promise<PolicyReply>;
  /** Throws `policy.invalid` for a rule that nothing can match, and for one too many. */
  add(wish: PolicyRuleWish): Promise<PolicyRuleReply>;
  /** By its id or a unique prefix of it. Throws `policy.not-found`, and `request.invalid` if several begin so. */
  remove(reference: string): Promise<RemovedRuleReply>;
  setDefault(effect: PolicyEffect): Promise<PolicyDefaultChange>;
}
