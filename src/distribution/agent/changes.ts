// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../transport/index.ts';

/** Wakes those who wait until something is different. */
export class Changes {
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #waiting = new Set<() => void>();
  #count = 0;

  constructor(clock: Pick<Clock, 'setTimer'>) {
    this.#clock = clock;
  }

  /** How many there have been. */
  get count(): number {
    return this.#count;
  }

  notify(): void {
    this.#count += 1;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    waiting.forEach((wake) => wake());
  }

  /** Resolves when there have been more than `count`, or `timeout_ms` have passed. */
  async beyond(count: number, timeout_ms: number): Promise<void> {
    if (this.#count > count || timeout_ms <= 0) {
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(timeout_ms, () => {
        this.#waiting.delete(wake);
        resolve();
      });
      const wake = (): void => {
        timer.cancel();
        resolve();
      };
      this.#waiting.add(wake);
    });
  }
}
