// SPDX-License-Identifier: Apache-2.0
import { CofferError, TokenBuckets } from '../../common/index.ts';

/** As many registrations of one node within this time. */
const OF_ONE_NODE_MAX = 3;
const WINDOW_MS = 8_000;
/** Of all nodes together: when a leader is new, all of them come at once. */
const OF_ALL_PER_S = 500;

/** Bounds how often nodes register: each registration costs a plan, and all that the node is due is read and sent. */
export class RegistrationLimit {
  readonly #now_ms: () => number;
  readonly #all: TokenBuckets;
  /** By node, ascending. Those of nodes that have not come for a while are dropped. */
  readonly #times_ms = new Map<string, readonly number[]>();

  constructor(now_ms: () => number) {
    this.#now_ms = now_ms;
    this.#all = new TokenBuckets({ burst: OF_ALL_PER_S, refill_ms: 1_000 / OF_ALL_PER_S, now_ms });
  }

  /** Throws `cluster.rate-limited` for one too many, which then does not count. */
  take(nodeId: string): void {
    const now_ms = this.#now_ms();
    const recent = this.#recent(nodeId, now_ms);
    if (recent.length >= OF_ONE_NODE_MAX) {
      throw new CofferError(
        'cluster.rate-limited',
        `the node has registered ${OF_ONE_NODE_MAX} times in ${WINDOW_MS / 1_000} seconds`,
        { hint: 'Wait some seconds, then try again.' },
      );
    }
    this.#all.take('', 'registrations of nodes');
    this.#times_ms.delete(nodeId);
    this.#times_ms.set(nodeId, [...recent, now_ms]);
    this.#forgetOldest(now_ms);
  }

  #recent(nodeId: string, now_ms: number): readonly number[] {
    return (this.#times_ms.get(nodeId) ?? []).filter((time_ms) => now_ms - time_ms < WINDOW_MS);
  }

  /** The map is in the order in which nodes came last. */
  #forgetOldest(now_ms: number): void {
    for (const nodeId of this.#times_ms.keys()) {
      if (this.#recent(nodeId, now_ms).length > 0) {
        return;
      }
      this.#times_ms.delete(nodeId);
    }
  }
}
