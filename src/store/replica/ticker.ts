// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from './clock.ts';

export interface TickerOptions {
  readonly clock: Clock;
  readonly tick_ms: number;
  /** A tick that is later than this tells that the process stood still. */
  readonly late_ms: number;
  readonly onTick: () => void;
}

/**
 * Ticks, once after each `tick_ms`. Ticks that were missed are not made up for: a node that stood still would take
 * its leader for lost. For the same reason a late tick lets in first what has arrived meanwhile.
 */
export class Ticker {
  readonly #options: TickerOptions;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, late_ms, tick_ms } = this.#options;
    const dueAt_ms = clock.now_ms() + tick_ms;
    this.#timer = clock.setTimer(tick_ms, () => {
      this.start();
      if (clock.now_ms() - dueAt_ms > late_ms) {
        clock.defer(() => this.#tick());
      } else {
        this.#tick();
      }
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #tick(): void {
    if (!this.#stopped) {
      this.#options.onTick();
    }
  }
}
