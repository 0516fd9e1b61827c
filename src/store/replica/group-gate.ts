// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from './clock.ts';

/** What a proposal waits at most for the group before it: what a cluster over long distances loses by it. */
const GATHER_MS = 4;
/** So many make a group that is worth its way, whatever else is under way. */
const ENOUGH = 256;

/**
 * Lets a leader's proposals through in groups. While one group is on its way to the quorum, those that come meanwhile gather
 * to the next one: each group wakes every node, and costs each of them a write and some messages, however small it is.
 */
export class GroupGate {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #passed_ms = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  /** `wake` is called when a gate that was found closed has opened by the time that has passed. */
  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Whether a group of `size` may go, while the log before it is applied or is not. */
  isOpen(size: number, isApplied: boolean): boolean {
    if (isApplied || size >= ENOUGH) {
      return true;
    }
    const rest_ms = this.#passed_ms + GATHER_MS - this.#clock.now_ms();
    if (rest_ms <= 0) {
      return true;
    }
    this.#timer ??= this.#clock.setTimer(rest_ms, () => {
      this.#timer = undefined;
      this.#wake();
    });
    return false;
  }

  /** A group has gone. */
  passed(): void {
    this.#passed_ms = this.#clock.now_ms();
  }

  close(): void {
    this.#timer?.cancel();
  }
}
