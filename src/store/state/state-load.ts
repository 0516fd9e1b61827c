// SPDX-License-Identifier: Apache-2.0
// The load of the index as the rest of the store sees it: begun once, waited for, and given up.
import type { Clock } from '../replica/clock.ts';
import type { IndexLoad } from './index-load.ts';

export class StateLoad {
  #load: IndexLoad | undefined;
  readonly #ended: Promise<void>;
  #end: () => void = () => undefined;

  /** Without a load, the index was whole from the beginning. */
  constructor(load: IndexLoad | undefined) {
    this.#load = load;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (load === undefined) {
      this.#end();
    }
  }

  /** How far it is, from 0 to 99; undefined once nothing is left to be loaded. */
  get progress_percent(): number | undefined {
    return this.#load?.progress_percent;
  }

  /** Resolves when nothing is being loaded any more: the index is whole, or the store has ended. Never rejects. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * Begins, if there is something to load, with a turn of the event loop before each piece. `onError` is called once if
   * the disk does not hold what it should.
   */
  start(clock: Clock, onError: (thrown: unknown) => void): void {
    const pause = (): Promise<void> => new Promise((resolve) => clock.defer(resolve));
    void this.#load
      ?.run(pause)
      .catch(onError)
      .finally(() => this.stop());
  }

  /** What is not loaded yet is not needed any more. */
  stop(): void {
    this.#load?.stop();
    this.#load = undefined;
    this.#end();
  }
}
