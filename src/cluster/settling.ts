// SPDX-License-Identifier: Apache-2.0
// What a manager does on its own disk so that it is as the replicated state says.
import { CofferError } from '../common/index.ts';

const LOOK_MS = 2_000;

export interface SettlingOptions {
  /** Brings the disk to where the state wants it, durably. Where it is there already, that is found at once. */
  readonly settle: () => Promise<void>;
  /** What has kept it from that. It is tried again. */
  readonly onFailure: (error: CofferError) => void;
}

/** Settles one time after the other: when the state has changed, and every two seconds, since the last time may have failed. */
export class Settling {
  readonly #options: SettlingOptions;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.wake(), LOOK_MS).unref();
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** The state has changed, or time has passed. */
  wake(): void {
    this.settled().catch((thrown: unknown) => this.#options.onFailure(CofferError.from(thrown)));
  }

  /** Resolves when the disk is as the state says, or after `stop`; rejects with what has kept it from that. */
  settled(): Promise<void> {
    const settled = this.#last.then(() => (this.#stopped ? undefined : this.#options.settle()));
    this.#last = settled.catch(() => undefined);
    return settled;
  }
}
