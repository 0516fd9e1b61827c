// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';
import type { Checkpoint, CheckpointFile } from '../../storage/index.ts';
import type { Clock, Timer } from './clock.ts';

/** A checkpoint is made durable this long after it was written, off every path that someone waits for. */
const SYNC_MS = 100;

/**
 * Keeps the checkpoint file up with the database. What is written outlives this process at once; it is made
 * durable a little later, since until then a power cut would have to take from LevelDB what it has synced.
 */
export class CheckpointWriter {
  readonly #file: CheckpointFile;
  readonly #onError: (error: CofferError) => void;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(file: CheckpointFile, clock: Clock, onError: (error: CofferError) => void) {
    this.#file = file;
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Seals what is to be written next, ahead of its `write`. */
  prepare(checkpoint: Checkpoint): void {
    this.#file.prepare(checkpoint);
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    await this.#file.write(checkpoint);
    this.#timer ??= this.#clock.setTimer(SYNC_MS, () => {
      this.#timer = undefined;
      this.#file.sync().catch((thrown: unknown) => this.#onError(CofferError.from(thrown, 'store.faulted')));
    });
  }

  /** Makes what was written durable, for a vote that is about to be told. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#file.close();
  }
}
