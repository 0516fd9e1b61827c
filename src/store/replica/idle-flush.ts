// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from './clock.ts';

/** Applied state that no other write takes along is written by itself after this time. */
const IDLE_FLUSH_MS = 50;

export class IdleFlush {
  readonly #clock: Clock;
  readonly #isNeeded: () => boolean;
  readonly #flush: () => void;
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
    if (this.#timer !== undefined || this.#stopped || !this.#isNeeded()) {
      return;
    }
    this.#timer = this.#clock.setTimer(IDLE_FLUSH_MS, () => {
      this.#timer = undefined;
      if (this.#isNeeded()) {
        this.#flush();
      }
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}
