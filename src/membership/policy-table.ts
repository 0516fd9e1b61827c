// SPDX-License-Identifier: Apache-2.0
// The policy, put together once for all who ask until it changes: it is looked at whenever a task starts.
import { EVERYTHING_ALLOWED, indexedPolicy } from './policy-index.ts';
import type { Policy, PolicyDefaultObject, PolicyObject, PolicyRuleObject } from './policy.ts';

export class PolicyTable {
  readonly #rules = new Map<string, PolicyRuleObject>();
  #default: PolicyDefaultObject | undefined;
  #current: Policy | undefined = EVERYTHING_ALLOWED;

  get current(): Policy {
    this.#current ??= indexedPolicy(
      this.#default?.effect ?? EVERYTHING_ALLOWED.default,
      [...this.#rules.values()].toSorted(inOrder),
    );
    return this.#current;
  }

  /** One whose place is empty. */
  put(object: PolicyObject): void {
    this.#current = undefined;
    if (object.kind === 'policy-rule') {
      this.#rules.set(object.id, object);
    } else {
      this.#default = object;
    }
  }

  delete(object: PolicyObject): void {
    this.#current = undefined;
    if (object.kind === 'policy-rule') {
      this.#rules.delete(object.id);
    } else {
      this.#default = undefined;
    }
  }
}

/** The same on every manager, also where the objects were read in another order. */
function inOrder(a: PolicyRuleObject, b: PolicyRuleObject): number {
  return a.addedAt_ms - b.addedAt_ms || (a.id < b.id ? -1 : 1);
}
