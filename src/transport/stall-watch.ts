// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from './clock.ts';

/** Calls back once, when there was no progress for `timeout_ms`. Telling it of progress costs no timer. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #timeout_ms: number;
  readonly #onStall: () => void;
  #progress_ms: number;
  #timer: Timer;

  constructor(clock: Clock, timeout_ms: number, onStall: () => void) {
    this.#clock = clock;
    this.#timeout_ms = timeout_ms;
    this.#onStall = onStall;
    this.#progress_ms = clock.now_ms();
    this.#timer = this.#schedule(timeout_ms);
  }

  progress(): void {
    this.#progress_ms = this.#clock.now_ms();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #schedule(delay_ms: number): Timer {
    return this.#clock.setTimer(delay_ms, () => {
      const left_ms = this.#progress_ms + this.#timeout_ms - this.#clock.now_ms();
      if (left_ms <= 0) {
        this.#onStall();
      } else {
        this.#timer = this.#schedule(left_ms);
      }
    });
  }
}
