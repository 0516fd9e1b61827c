// SPDX-License-Identifier: Apache-2.0
// From a replica's start to its end, which is a fault or a close.
import { CofferError } from '../../common/index.ts';

export interface LifetimeOptions {
  /** Work was done: there may be something to be carried out. */
  readonly wake: () => void;
  /** Stops all parts, which may be stopped already. */
  readonly stop: (reason: CofferError) => void;
  /** Told of a fault when all has been stopped. */
  readonly onFault: (error: CofferError) => void;
}

/** Calls are refused from the first word of an end; what is under way may still be finished, until all is stopped. */
export class Lifetime {
  readonly #options: LifetimeOptions;
  #ended: CofferError | undefined;
  #isStopped = false;

  constructor(options: LifetimeOptions) {
    this.#options = options;
  }

  /** Why no more calls are taken; undefined while they are. */
  get ended(): CofferError | undefined {
    return this.#ended;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Throws why there are no more calls. */
  check(): void {
    if (this.#ended !== undefined) {
      throw this.#ended;
    }
  }

  /** Does nothing once all is stopped; what `work` throws is a fault. */
  run(work: () => void): void {
    if (this.#isStopped) {
      return;
    }
    try {
      work();
      this.#options.wake();
    } catch (thrown) {
      this.fault(thrown);
    }
  }

  /** Takes no more calls, with `store.closed` unless it has ended before. */
  close(): CofferError {
    this.#ended ??= new CofferError('store.closed', 'the store is closed');
    return this.#ended;
  }

  /** Nothing can be trusted any more: stops at once. The first fault is told, and no later one. */
  fault(thrown: unknown): void {
    if (this.#isStopped) {
      return;
    }
    const cause = CofferError.from(thrown, 'store.faulted');
    this.#ended = new CofferError('store.faulted', cause.detail, { cause });
    this.stop(this.#ended);
    this.#options.onFault(this.#ended);
  }

  /** Ends what is under way. */
  stop(reason: CofferError): void {
    this.#isStopped = true;
    this.#options.stop(reason);
  }
}
