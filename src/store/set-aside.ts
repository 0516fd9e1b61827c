// SPDX-License-Identifier: Apache-2.0
// A store that is used no more, kept beside the one that takes its place.
import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { DirectoryLock, exists, makePrivateDirectory, syncDirectory } from '../storage/index.ts';
import { storeFiles } from './store-files.ts';

/**
 * Moves all that belongs to the store in the state directory, and `others` beside it, into its subdirectory `name`, durably;
 * nothing is deleted. What was moved by an earlier attempt that a crash ended stays there. Throws `store.in-use` while the
 * store is open.
 */
export async function setStoreAside(
  stateDirectory: string,
  name: string,
  others: readonly string[],
): Promise<void> {
  const { checkpoint, damageMarker, database, keys, lock } = storeFiles(stateDirectory);
  const moved = [keys, checkpoint, damageMarker, database].map((file) => path.basename(file)).concat(others);
  const aside = path.join(stateDirectory, name);
  const held = await DirectoryLock.acquire(lock);
  try {
    await makePrivateDirectory(aside);
    for (const file of await readdir(stateDirectory)) {
      // Beside a file may lie what a crash has left of its making.
      const belongs = moved.some((own) => file === own || file.startsWith(`${own}.`));
      if (belongs && !(await exists(path.join(aside, file)))) {
        await rename(path.join(stateDirectory, file), path.join(aside, file));
      }
    }
    await syncDirectory(aside);
    await syncDirectory(stateDirectory);
  } finally {
    await held.release();
  }
}
