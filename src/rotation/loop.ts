// SPDX-License-Identifier: Apache-2.0
import { CofferError, type Logger } from '../common/index.ts';
import type { RotationRunner } from './runner.ts';

/** How long the swarm is left to itself between two looks at it. */
const LOOK_MS = 1_000;

export interface RotationLoopOptions {
  readonly runner: Pick<RotationRunner, 'look'>;
  /** Resolves after `duration_ms`. */
  readonly pause: (duration_ms: number) => Promise<void>;
  readonly logger: Logger;
}

/** Has rotations carried out while there are any. */
export class RotationLoop {
  readonly #options: RotationLoopOptions;
  #running = false;
  #woken = false;
  #stopped = false;
  #lastProblem = '';

  constructor(options: RotationLoopOptions) {
    this.#options = options;
  }

  /** There may be something to do. */
  wake(): void {
    this.#woken = true;
    if (!this.#running && !this.#stopped) {
      this.#running = true;
      void this.#run().finally(() => {
        this.#running = false;
      });
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Ends with the last rotation, and when this manager leads no longer. */
  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false;
      const outcome = await this.#look();
      if (outcome === 'idle' && !this.#isWoken()) {
        return;
      }
      if (outcome === 'waiting') {
        await this.#options.pause(LOOK_MS);
      }
    }
  }

  #isWoken(): boolean {
    return this.#woken;
  }

  async #look(): Promise<Awaited<ReturnType<RotationRunner['look']>>> {
    const { logger, runner } = this.#options;
    try {
      const outcome = await runner.look();
      this.#lastProblem = '';
      return outcome;
    } catch (thrown) {
      const reason = CofferError.from(thrown).message;
      if (reason !== this.#lastProblem && !this.#stopped) {
        this.#lastProblem = reason;
        logger.warn('a rotation waits', { reason });
      }
      return 'waiting';
    }
  }
}
