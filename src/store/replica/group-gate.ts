// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from './clock.ts';

/** What a proposal waits at most for the group before it, where that takes no longer than this anyhow. */
const NEAR_MS = 12;
/** And where groups take longer: what a cluster over long distances loses by it. */
const GATHER_MS = 4;
/** So many make a group that is worth its way, whatever else is under way. */
const ENOUGH = 256;

/** What a group waits at most for those that were answered just now to come again. */
const LINGER_MS = 2;
/** Of those that are expected, so many are a group. */
const WHOLE_SHARE = 0.75;
/** Where fewer than this came, the wait was in vain, and so many groups after it do not wait. */
const VAIN_SHARE = 0.5;
const HURRIED_GROUPS = 8;

/**
 * Lets a leader's proposals through in groups. While one group is on its way to the quorum, those that come meanwhile gather
 * to the next one: each group wakes every node, and costs each of them a write and some messages, however small it is.
 *
 * Whoever was answered often has the next proposal at once. Without a moment's wait for them, those of the leader's own callers
 * and those that come from its followers, which are told later, would for ever take turns, in groups of half the size.
 */
export class GroupGate {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #passed_ms = Number.NEGATIVE_INFINITY;
  #passedSize = 0;
  /** When the last group was applied; undefined while it is under way. */
  #applied_ms: number | undefined = Number.NEGATIVE_INFINITY;
  /** Whether the last group of which that is known was applied within `NEAR_MS`. */
  #isNear = true;
  /** How many there were in the last group, and waited already when it was applied. */
  #expected = 0;
  #hurried = 0;
  #timer: Timer | undefined;
  #timerAt_ms = Number.POSITIVE_INFINITY;

  /** `wake` is called when a gate that was found closed has opened by the time that has passed. */
  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /**
   * Whether a group of `size` may go, while the log before it is applied or is not. Asked with 0, too, when the log has been
   * applied: what comes afterwards is what was answered then.
   */
  isOpen(size: number, isApplied: boolean): boolean {
    if (isApplied && this.#applied_ms === undefined) {
      this.#applied_ms = this.#clock.now_ms();
      this.#isNear = this.#took_ms() <= NEAR_MS;
      this.#expected = this.#passedSize + size;
    }
    if (size === 0 || size >= ENOUGH) {
      return size > 0;
    }
    if (!isApplied || this.#applied_ms === undefined) {
      return this.#isDue(this.#passed_ms + (this.#isNear ? NEAR_MS : GATHER_MS));
    }
    return this.#hurried > 0 || this.#isWhole(size) || this.#isDue(this.#applied_ms + LINGER_MS);
  }

  /** A group of `size` has gone. */
  passed(size: number): void {
    const inVain =
      this.#hurried === 0 && this.#applied_ms !== undefined && size < this.#expected * VAIN_SHARE;
    this.#hurried = inVain ? HURRIED_GROUPS : Math.max(0, this.#hurried - 1);
    if (this.#applied_ms === undefined && this.#took_ms() >= NEAR_MS) {
      this.#isNear = false;
    }
    this.#passed_ms = this.#clock.now_ms();
    this.#passedSize = size;
    this.#applied_ms = undefined;
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Since the last group has gone. */
  #took_ms(): number {
    return this.#clock.now_ms() - this.#passed_ms;
  }

  #isWhole(size: number): boolean {
    return size >= this.#expected * WHOLE_SHARE;
  }

  /** If not, `wake` is called when it is. */
  #isDue(at_ms: number): boolean {
    const rest_ms = at_ms - this.#clock.now_ms();
    if (rest_ms <= 0) {
      return true;
    }
    if (at_ms < this.#timerAt_ms) {
      this.#timer?.cancel();
      this.#timerAt_ms = at_ms;
      const wake = (): void => {
        this.#timerAt_ms = Number.POSITIVE_INFINITY;
        this.#wake();
      };
      // Somebody waits, and nothing else may be under way.
      this.#timer = this.#clock.setTimer(rest_ms, wake, true);
    }
    return false;
  }
}
