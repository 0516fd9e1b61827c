// SPDX-License-Identifier: Apache-2.0
// A disk that hangs gives no error. A leader behind one would keep its leadership with heartbeats, and acknowledge
// nothing; so it has to notice by itself.
import { CofferError, type Logger } from '../../common/index.ts';

export interface DiskWatchdogOptions {
  /** A write that takes longer costs a leader its leadership. */
  readonly diskStall_ms: number;
  /** A write that takes longer ends the process. */
  readonly diskHang_ms: number;
  readonly logger: Logger;
  /** Called once when a write begins to be too slow. */
  readonly onStall: () => void;
}

/** Watches how long the write under way has taken. */
export class DiskWatchdog {
  readonly #options: DiskWatchdogOptions;
  #stalled = false;

  constructor(options: DiskWatchdogOptions) {
    this.#options = options;
  }

  /** Whether the disk keeps a write waiting for too long. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** To be called at every tick. Throws `store.faulted` when a write has hung for so long that only a new start helps. */
  watch(writing_ms: number): void {
    const { diskHang_ms, diskStall_ms, logger, onStall } = this.#options;
    if (writing_ms >= diskHang_ms) {
      const sentence = `the disk has not finished a write for ${Math.round(writing_ms / 1_000)} s`;
      throw new CofferError('store.faulted', sentence);
    }
    const stalled = writing_ms >= diskStall_ms;
    if (stalled && !this.#stalled) {
      logger.warn('the disk keeps a write waiting', { writing_ms: Math.round(writing_ms) });
      this.#stalled = true;
      onStall();
    } else if (!stalled && this.#stalled) {
      logger.info('the disk answers again');
      this.#stalled = false;
    }
  }
}
