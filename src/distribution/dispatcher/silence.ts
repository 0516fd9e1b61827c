// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '../../transport/index.ts';

/** Notices when nothing was heard for a time. A sign of life costs no timer. */
export class Silence {
  readonly #clock: Clock;
  readonly #limit_ms: number;
  readonly #onTooLong: () => void;
  #heard_ms = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, limit_ms: number, onTooLong: () => void) {
    this.#clock = clock;
    this.#limit_ms = limit_ms;
    this.#onTooLong = onTooLong;
  }

  /** Counts from now on. */
  watch(): void {
    this.broken();
    this.#wait(this.#limit_ms);
  }

  broken(): void {
    this.#heard_ms = this.#clock.now_ms();
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  #wait(delay_ms: number): void {
    this.#timer = this.#clock.setTimer(delay_ms, () => {
      const left_ms = this.#heard_ms + this.#limit_ms - this.#clock.now_ms();
      if (left_ms <= 0) {
        this.#onTooLong();
      } else {
        this.#wait(left_ms);
      }
    });
  }
}
