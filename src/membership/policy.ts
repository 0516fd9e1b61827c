// SPDX-License-Identifier: Apache-2.0
// Who may have which secret: rules, and what holds where none of them does. Values and their order are part of the format on disk.

/** What a rule does, or the cluster where no rule does anything. */
export const POLICY_EFFECTS = ['allow', 'deny'] as const;
export type PolicyEffect = (typeof POLICY_EFFECTS)[number];

/**
 * One rule. All that it names must hold; what is empty names nothing. Patterns have `*` for any characters and `?` for one, and stand
 * in rules alone: what services, nodes and containers are called is data.
 */
export interface PolicyRuleObject {
  readonly kind: 'policy-rule';
  /** 25 characters of base 36. */
  readonly id: string;
  readonly effect: PolicyEffect;
  /** The name in coffer's store, as a pattern, compared without regard to case. There need be no such secret. */
  readonly secret: string;
  /** The service's name, as a pattern. No container without a service has one. */
  readonly service: string;
  /** The stack that the service is of, or the project of Compose that a container without a service is of. */
  readonly stack: string;
  /** Labels that the service must have, with just these values. */
  readonly serviceLabels: Readonly<Record<string, string>>;
  /** An image's name with a tag or a digest (`:latest` may be left out), or its digest or id (`sha256:...`). */
  readonly image: string;
  /** The node's hostname, its id in the cluster, or its id in the engine's swarm. */
  readonly node: string;
  /** Labels that the engine's swarm has of the node, with just these values. */
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly addedAt_ms: number;
}

/** What holds where no rule does. `allow` until it is set, as Docker has it. */
export interface PolicyDefaultObject {
  readonly kind: 'policy-default';
  readonly effect: PolicyEffect;
  readonly setAt_ms: number;
}

export type PolicyObject = PolicyRuleObject | PolicyDefaultObject;

/** Another object as soon as anything of it has changed. */
export interface Policy {
  readonly default: PolicyEffect;
  /** In the order in which they were added. */
  readonly rules: readonly PolicyRuleObject[];
  /**
   * Those of them that may be for a secret, in the same order: its name in lower case, or one that is too long to be told. What is left
   * out is certainly for others.
   */
  readonly rulesFor: (secret: string) => readonly PolicyRuleObject[];
}

/** Fails with `policy.invalid` for what nothing can match. The same again changes nothing. */
export interface PutPolicyRule {
  readonly kind: 'put-policy-rule';
  readonly rule: PolicyRuleObject;
}

/** Fails with `policy.not-found`. */
export interface RemovePolicyRule {
  readonly kind: 'remove-policy-rule';
  readonly id: string;
}

export interface SetPolicyDefault {
  readonly kind: 'set-policy-default';
  readonly policy: PolicyDefaultObject;
}

export type PolicyCommand = PutPolicyRule | RemovePolicyRule | SetPolicyDefault;

/** More than anybody can oversee; each one with a pattern costs a fraction of a microsecond whenever a task starts. */
export const POLICY_RULES_MAX = 1_000;
/** Of each kind, in one rule. */
export const POLICY_LABELS_MAX = 16;
