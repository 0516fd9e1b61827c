// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '../../src/store/index.ts';

/** A clock that stands until it is moved. */
export class StillClock implements Clock {
  #now_ms = 0;
  #timers: { readonly due_ms: number; readonly callback: () => void }[] = [];

  now_ms(): number {
    return this.#now_ms;
  }

  setTimer(delay_ms: number, callback: () => void): Timer {
    const timer = { due_ms: this.#now_ms + delay_ms, callback };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  atTurnEnd(callback: () => void): void {
    setImmediate(callback);
  }

  advance(by_ms: number): void {
    this.#now_ms += by_ms;
    const due = this.#timers.filter(({ due_ms }) => due_ms <= this.#now_ms);
    this.#timers = this.#timers.filter(({ due_ms }) => due_ms > this.#now_ms);
    due.forEach(({ callback }) => callback());
  }
}
