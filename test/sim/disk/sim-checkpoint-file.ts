// SPDX-License-Identifier: Apache-2.0
// The checkpoint file of one process on a simulated disk: what is written outlives the process, and what is synced
// a loss of power.
import { CofferError, invariant } from '../../../src/common/index.ts';
import type { Checkpoint, CheckpointFile } from '../../../src/storage/index.ts';
import type { DiskBehaviour } from './disk-behaviour.ts';
import { forever, type Host, waitForDisk } from './sim-database.ts';
import type { SimDisk } from './sim-disk.ts';

const SLOT_BYTES = 512;

export class SimCheckpointFile implements CheckpointFile {
  readonly #disk: SimDisk;
  readonly #behaviour: DiskBehaviour;
  readonly #host: Host;
  #writing = false;

  constructor(disk: SimDisk, behaviour: DiskBehaviour, host: Host) {
    this.#disk = disk;
    this.#behaviour = behaviour;
    this.#host = host;
  }

  prepare(): void {
    // Nothing is sealed here.
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    if (!this.#host.alive) {
      await forever();
    }
    invariant(!this.#writing, 'one checkpoint is written at a time');
    this.#writing = true;
    this.#disk.beginCheckpoint({ ...checkpoint, lastDigest: Buffer.from(checkpoint.lastDigest) });
    await this.#finish(false);
    this.#disk.endCheckpoint();
    this.#writing = false;
  }

  async sync(): Promise<void> {
    if (!this.#host.alive) {
      await forever();
    }
    const { checkpoint } = this.#disk;
    await this.#finish(true);
    this.#disk.syncCheckpoint(checkpoint);
  }

  async close(): Promise<void> {
    await this.sync();
  }

  async #finish(sync: boolean): Promise<void> {
    await waitForDisk(this.#behaviour, this.#host, SLOT_BYTES, sync);
    const failure = this.#behaviour.takeFailure();
    if (failure !== undefined) {
      throw new CofferError('store.faulted', `the checkpoint file failed: ${failure}`);
    }
  }
}
