// SPDX-License-Identifier: Apache-2.0
// A node's own idea of time: its clock runs a little too fast or too slow, and never back.
import type { Scheduler } from '../kernel/scheduler.ts';

/** A monotonic clock whose rate can change. */
export class NodeClock {
  readonly #scheduler: Scheduler;
  #rate: number;
  #localBase_ms: number;
  #globalBase_us: number;

  constructor(scheduler: Scheduler, rate: number, offset_ms: number) {
    this.#scheduler = scheduler;
    this.#rate = rate;
    this.#localBase_ms = offset_ms;
    this.#globalBase_us = scheduler.now_us;
  }

  now_ms(): number {
    return this.#localBase_ms + ((this.#scheduler.now_us - this.#globalBase_us) * this.#rate) / 1_000;
  }

  /** How long a delay by this clock takes in the simulation's time. */
  globalDelay_us(local_ms: number): number {
    return (local_ms * 1_000) / this.#rate;
  }

  /** From now on the clock runs so many times as fast. Timers that are set already stay where they are. */
  setRate(rate: number): void {
    this.#localBase_ms = this.now_ms();
    this.#globalBase_us = this.#scheduler.now_us;
    this.#rate = rate;
  }

  /** Time that passed while the machine was suspended, as a clock that counts it shows afterwards. */
  jump(ahead_ms: number): void {
    this.#localBase_ms += ahead_ms;
  }
}
