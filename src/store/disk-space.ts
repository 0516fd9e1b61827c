// SPDX-License-Identifier: Apache-2.0
// A full disk is refused before it is reached: LevelDB that ran into one loses what it acknowledges afterwards.
import { statfs } from 'node:fs/promises';

const MEASUREMENT_AGE_MAX_MS = 500;

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
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  readonly #reserve_bytes: number;
  #free_bytes = Number.POSITIVE_INFINITY;
  #measuredAt_ms = Number.NEGATIVE_INFINITY;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
    this.#reserve_bytes = options.reserve_bytes ?? RESERVE_BYTES;
  }

  /** Free bytes at the last measurement, less what was admitted since. */
  get free_bytes(): number {
    return this.#free_bytes;
  }

  /** What new values leave free. */
  get reserve_bytes(): number {
    return this.#reserve_bytes;
  }

  /** What removals leave free. */
  get removalReserve_bytes(): number {
    return this.#reserve_bytes * REMOVAL_SHARE;
  }

  /** Measures again unless that was just done. */
  async measure(): Promise<void> {
    const now_ms = this.#options.now_ms();
    if (now_ms - this.#measuredAt_ms < MEASUREMENT_AGE_MAX_MS) {
      return;
    }
    const { bavail, bsize } = await statfs(this.#options.directory);
    this.#free_bytes = bavail * bsize;
    this.#measuredAt_ms = now_ms;
  }

  /** Whether there is room for `size` more bytes; they count as used from now on. */
  admit(size_bytes: number, purpose: 'write' | 'removal'): boolean {
    const reserve = purpose === 'write' ? this.#reserve_bytes : this.removalReserve_bytes;
    if (this.#free_bytes - size_bytes < reserve) {
      return false;
    }
    this.#free_bytes -= size_bytes;
    return true;
  }
}
