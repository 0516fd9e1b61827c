// SPDX-License-Identifier: Apache-2.0
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { CofferError, withDeadline } from '../common/index.ts';
import { exists, syncDirectory, writeFileAtomically } from '../storage/index.ts';

/** A disk that does not take the marker must not keep a process alive that has failed. */
const NOTE_TIMEOUT_MS = 2_000;

/**
 * The file that says that damage was found while the store served. The next start then verifies everything before it
 * serves: otherwise it would serve for a moment, find the same damage, and end again.
 */
export class DamageMarker {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  isSet(): Promise<boolean> {
    return exists(this.#file);
  }

  /** Writes the file, durably, if damage is what the store failed of. Never rejects. */
  async note(error: CofferError): Promise<void> {
    if (!isDamage(error)) {
      return;
    }
    const words = Buffer.from(`${error.detail}\n`);
    const written = writeFileAtomically(this.#file, words);
    try {
      await withDeadline(written, NOTE_TIMEOUT_MS, 'store.faulted', 'the disk hangs');
    } catch {
      // The process ends without the marker: then the next start finds the damage in the same way.
    }
  }

  /** A start has verified everything. */
  async clear(): Promise<void> {
    await rm(this.#file, { force: true });
    await syncDirectory(path.dirname(this.#file));
  }
}

/** Whether the disk did not hold what it should; a `store.faulted` says so by its cause. */
export function isDamage(thrown: unknown): boolean {
  return thrown instanceof CofferError && (thrown.code === 'store.damaged' || isDamage(thrown.cause));
}
