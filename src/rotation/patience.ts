// SPDX-License-Identifier: Apache-2.0

/** Time in which the engine does not answer counts no further than this from one look to the next. */
const STEP_MAX_MS = 5_000;

/** For how long something was waited for, while it was looked at. What nobody could see does not count. */
export class Patience {
  readonly #monotonic_ms: () => number;
  #key = '';
  #waited_ms = 0;
  #looked_ms = 0;

  constructor(monotonic_ms: () => number) {
    this.#monotonic_ms = monotonic_ms;
  }

  /** Looked at once more; another `key` is waited for from now on. Returns milliseconds. */
  look(key: string): number {
    const now_ms = this.#monotonic_ms();
    if (key === this.#key) {
      this.#waited_ms += Math.min(now_ms - this.#looked_ms, STEP_MAX_MS);
    } else {
      this.#key = key;
      this.#waited_ms = 0;
    }
    this.#looked_ms = now_ms;
    return this.#waited_ms;
  }
}
