// SPDX-License-Identifier: Apache-2.0
import { rm } from 'node:fs/promises';
import { Level } from 'level';
import { CofferError, systemErrorCode } from '../common/index.ts';

/**
 * Keeps a second process out of a state directory, from before the first file is read. Node.js has no file locks of
 * its own, and LevelDB has: an empty database serves for its lock, which the system lets go of with the process.
 */
export class DirectoryLock {
  readonly #level: Level;

  private constructor(level: Level) {
    this.#level = level;
  }

  /** `directory` holds nothing but the lock. Throws `store.in-use` while it is held, here or elsewhere. */
  static async acquire(directory: string): Promise<DirectoryLock> {
    const level = new Level(directory);
    try {
      await level.open();
    } catch (thrown) {
      if (isLocked(thrown)) {
        throw inUse(directory, thrown);
      }
      // LevelDB takes its lock first, so nobody holds it: its files are damaged, and nothing is in them.
      await rm(directory, { recursive: true, force: true });
      await level.open();
    }
    return new DirectoryLock(level);
  }

  async release(): Promise<void> {
    await this.#level.close();
  }
}

/** Whether LevelDB refused to open because the database is open already. */
export function isLocked(thrown: unknown): boolean {
  return systemErrorCode(causeOf(thrown)) === 'LEVEL_LOCKED';
}

/** LevelDB's own error within the one that says that the database is not open. */
export function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
}

export function inUse(directory: string, cause: unknown): CofferError {
  return new CofferError('store.in-use', `another process has ${directory} open`, {
    hint: 'Stop the other coffer daemon, or give this one a state directory of its own.',
    cause,
  });
}
