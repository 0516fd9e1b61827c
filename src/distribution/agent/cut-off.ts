// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '../../transport/index.ts';

/** setTimeout takes 31 bits. */
const TIMER_MAX_MS = 60 * 60 * 1_000;

/**
 * Calls back once when no manager was heard of for long. Time is that of the monotonic clock, which stands still while the machine is
 * suspended: nobody reads files then either. The wall clock would count that, but a clock that somebody sets forward would take
 * the secrets of a node away that is well.
 */
export class CutOff {
  readonly #after_ms: number | undefined;
  readonly #clock: Clock;
  readonly #onCutOff: () => void;
  #timer: Timer | undefined;
  #isCutOff = false;

  /** `after_ms` undefined: never. */
  constructor(after_ms: number | undefined, clock: Clock, onCutOff: () => void) {
    this.#after_ms = after_ms;
    this.#clock = clock;
    this.#onCutOff = onCutOff;
  }

  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  /** A manager is heard of from now on. */
  end(): void {
    this.#isCutOff = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** No manager is heard of from now on. Nothing happens if that was known. */
  begin(): void {
    if (this.#after_ms !== undefined && this.#timer === undefined && !this.#isCutOff) {
      this.#wait(this.#clock.now_ms() + this.#after_ms);
    }
  }

  /** For good. */
  stop(): void {
    this.#timer?.cancel();
  }

  #wait(due_ms: number): void {
    const left_ms = due_ms - this.#clock.now_ms();
    if (left_ms > 0) {
      this.#timer = this.#clock.setTimer(Math.min(left_ms, TIMER_MAX_MS), () => this.#wait(due_ms));
      return;
    }
    this.#timer = undefined;
    this.#isCutOff = true;
    this.#onCutOff();
  }
}
