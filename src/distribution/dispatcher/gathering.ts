// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '../../transport/index.ts';

/** Changes mostly come in groups: one waits this long for the next one, */
const QUIET_MS = 20;
/** and the first one of a group no longer than this. */
const WAIT_MAX_MS = 100;

/** Gathers what comes shortly after one another, so that it is done once. */
export class Gathering {
  readonly #clock: Clock;
  readonly #run: () => void;
  #begun_ms: number | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  /** There is one more. */
  add(): void {
    const now_ms = this.#clock.now_ms();
    this.#begun_ms ??= now_ms;
    const due_ms = Math.min(now_ms + QUIET_MS, this.#begun_ms + WAIT_MAX_MS);
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(Math.max(0, due_ms - now_ms), () => {
      this.cancel();
      this.#run();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#begun_ms = undefined;
  }
}
