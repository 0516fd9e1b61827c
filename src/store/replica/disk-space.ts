// SPDX-License-Identifier: Apache-2.0
// A full disk is refused before it is reached: LevelDB that ran into one loses what it acknowledges afterwards.
import { statfs } from 'node:fs/promises';
import { CofferError } from '../../common/index.ts';

const MEASUREMENT_AGE_MAX_MS = 500;

/** Whether the disk has room, as the driver asks it. */
export interface SpaceGuard {
  /** Free bytes at the last measurement, less what was admitted since. */
  readonly free_bytes: number;
  /** Measures again; undefined if that was just done. */
  measure(): Promise<void> | undefined;
  /** Whether there is room for `size_bytes` more; they count as used from now on. */
  admit(size_bytes: number, purpose: 'write' | 'removal'): boolean;
  /** What a change is refused with that was not admitted. */
  fullError(): CofferError;
}

export interface DiskSpaceOptions {
  readonly directory: string;
  /** Bytes that stay free, for what LevelDB writes on its own account. Default: 48 MiB. */
  readonly reserve_bytes?: number | undefined;
  readonly now_ms: () => number;
}

/** LevelDB rewrites tables while it compacts them: room for a full write buffer, several times over. */
const RESERVE_BYTES = 48 * 1024 * 1024;

/**
 * What removing a secret leaves of the reserve: a disk must not be too full to be emptied, and LevelDB must still
 * have room for a full write buffer as a log and as a table.
 */
const REMOVAL_SHARE = 1 / 3;

/** Watches the free space of the state directory's file system. */
export class DiskSpace implements SpaceGuard {
  readonly #options: DiskSpaceOptions;
  readonly #reserve_bytes: number;
  #free_bytes = Number.POSITIVE_INFINITY;
  #measuredAt_ms = Number.NEGATIVE_INFINITY;
  #measurement: Promise<void> | undefined;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
    this.#reserve_bytes = options.reserve_bytes ?? RESERVE_BYTES;
  }

  get free_bytes(): number {
    return this.#free_bytes;
  }

  get #removalReserve_bytes(): number {
    return this.#reserve_bytes * REMOVAL_SHARE;
  }

  measure(): Promise<void> | undefined {
    const now_ms = this.#options.now_ms();
    if (now_ms - this.#measuredAt_ms < MEASUREMENT_AGE_MAX_MS) {
      return undefined;
    }
    // All who come meanwhile wait for the same one.
    this.#measurement ??= this.#measure(now_ms).finally(() => {
      this.#measurement = undefined;
    });
    return this.#measurement;
  }

  async #measure(now_ms: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#options.directory);
    this.#free_bytes = bavail * bsize;
    this.#measuredAt_ms = now_ms;
  }

  admit(size_bytes: number, purpose: 'write' | 'removal'): boolean {
    const reserve = purpose === 'write' ? this.#reserve_bytes : this.#removalReserve_bytes;
    if (this.#free_bytes - size_bytes < reserve) {
      return false;
    }
    this.#free_bytes -= size_bytes;
    return true;
  }

  fullError(): CofferError {
    const inMebibytes = (size_bytes: number): number => Math.max(0, Math.floor(size_bytes / 1024 / 1024));
    const free = inMebibytes(this.#free_bytes);
    const reserve = inMebibytes(this.#reserve_bytes);
    const removal = inMebibytes(this.#removalReserve_bytes);
    return new CofferError(
      'store.disk-full',
      `the disk of the state directory is full: ${free} MiB are free, and ${reserve} MiB are kept for what is stored already`,
      {
        hint: `Free some space. What is stored is safe, and removing secrets works while ${removal} MiB are free.`,
      },
    );
  }
}
