// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../src/store/index.ts';

/** A clock on which no time passes. What is deferred waits until the test lets it go on. */
export class HeldClock implements Clock {
  readonly #held: (() => void)[] = [];

  now_ms(): number {
    return 0;
  }

  setTimer(): { cancel(): void } {
    return { cancel: () => undefined };
  }

  defer(callback: () => void): void {
    this.#held.push(callback);
  }

  atTurnEnd(callback: () => void): void {
    setImmediate(callback);
  }

  /** Lets the oldest go on, as soon as there is one; false if `ended` says first that none will come. */
  async step(ended: () => boolean): Promise<boolean> {
    while (this.#held.length === 0) {
      if (ended()) {
        return false;
      }
      await turn();
    }
    this.#held.shift()?.();
    return true;
  }
}
