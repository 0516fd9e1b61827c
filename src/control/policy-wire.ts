// SPDX-License-Identifier: Apache-2.0
// What travels over the control socket about a policy that is tried. Types alone, as in wire.ts.
import type { PolicyEffect } from './cluster-wire.ts';

/** What a policy says to one service about one secret. */
export interface PolicyTestResult {
  readonly service: string;
  readonly secret: string;
  readonly effect: PolicyEffect;
  /** `unknown`: a rule denies, since it cannot be told that it is not meant. */
  readonly because: 'default' | 'rule' | 'unknown';
  /** The id of the rule that decides; empty for the default. */
  readonly rule: string;
  /** The hostnames of the nodes on which it is denied, where the service has tasks on others as well. */
  readonly deniedOn: readonly string[];
}

/** `GET /v1/policy/test`. */
export interface PolicyTestReply {
  /** The one that was tried. */
  readonly default: PolicyEffect;
  /** In the order of the services' names, and of the secrets'. */
  readonly results: readonly PolicyTestResult[];
  /** `local`: no leader has confirmed that the rules are so still. */
  readonly freshness: 'linearizable' | 'local';
}
