// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from './clock.ts';

/** Applied state that no other write takes along is written by itself when nothing was applied for this time. */
const IDLE_FLUSH_MS = 50;

export class IdleFlush {
  readonly #clock: Clock;
  readonly #isNeeded: () => boolean;
  readonly #flush: () => void;
  /** Whether more was applied since the timer was set. */
  #again = false;
  #timer: Timer | undefined;
  #stopped = false;

  /** `isNeeded` tells whether there is state that is not on its way to the disk. */
  constructor(clock: Clock, isNeeded: () => boolean, flush: () => void) {
    this.#clock = clock;
    this.#isNeeded = isNeeded;
    this.#flush = flush;
  }

  /** State may have changed. */
  arm(): void {
    this.#again = true;
    if (this.#timer === undefined && !this.#stopped && this.#isNeeded()) {
      this.#set();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #set(): void {
    this.#again = false;
    this.#timer = this.#clock.setTimer(IDLE_FLUSH_MS, () => {
      this.#timer = undefined;
      if (!this.#isNeeded()) {
        return;
      }
      if (this.#again) {
        this.#set();
      } else {
        this.#flush();
      }
    });
  }
}
