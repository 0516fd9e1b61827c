// SPDX-License-Identifier: Apache-2.0
// All nodes apply the same entries, and come to the same state and the same configuration by it.
import { describeConfState } from '../../../src/raft/index.ts';
import type { Replica } from '../../../src/store/index.ts';
import type { CheckedNode, CheckOptions } from './cluster-checks.ts';

export class StateChecks {
  readonly #options: CheckOptions;
  readonly #digests = new Map<number, { readonly digest: string; readonly by: string }>();

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  /** The node had applied `appliedBefore`, and may have applied more. */
  applied(node: CheckedNode, replica: Replica, term: number, appliedBefore: number): void {
    const { appliedIndex } = replica.state;
    if (appliedBefore === appliedIndex) {
      return;
    }
    for (let index = appliedBefore + 1; index <= appliedIndex; index += 1) {
      // Those before the log's beginning came as a snapshot.
      if (index >= replica.firstIndex) {
        this.#applied(node, term, index);
      }
    }
    this.#digest(node, replica);
  }

  #applied({ model, name }: CheckedNode, term: number, index: number): void {
    const { registry, violations } = this.#options;
    const entry = model.entries.get(index);
    if (entry === undefined) {
      violations.report(
        'applied is durable',
        `${name} applied entry ${index}; its disk has entries ${model.startIndex + 1} to ${model.lastIndex}`,
      );
    } else {
      registry.commit(entry, term, name);
    }
  }

  #digest(node: CheckedNode, replica: Replica): void {
    const { appliedIndex, confState, digest } = replica.state;
    const text = `${digest.toString('hex')} ${describeConfState(confState)}`;
    const known = this.#digests.get(appliedIndex);
    if (known === undefined) {
      this.#digests.set(appliedIndex, { digest: text, by: node.name });
    } else if (known.digest !== text) {
      this.#options.violations.report(
        'same state',
        `after entry ${appliedIndex} ${node.name} has state ${text}, and ${known.by} had ${known.digest}`,
      );
    }
  }
}
