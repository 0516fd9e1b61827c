// SPDX-License-Identifier: Apache-2.0
// Which files a store has in its state directory, and what they tell before it is opened.
import path from 'node:path';
import type { SecretValue } from '../common/index.ts';
import { exists, readKeyFile, readKeySeal } from '../storage/index.ts';

export interface StoreFiles {
  readonly lock: string;
  readonly keys: string;
  readonly checkpoint: string;
  readonly database: string;
  readonly damageMarker: string;
}

export function storeFiles(stateDirectory: string): StoreFiles {
  return {
    lock: path.join(stateDirectory, 'lock'),
    keys: path.join(stateDirectory, 'keys.json'),
    checkpoint: path.join(stateDirectory, 'checkpoint'),
    database: path.join(stateDirectory, 'database'),
    damageMarker: path.join(stateDirectory, 'damage-found'),
  };
}

/** Whether a store was made in the state directory. */
export async function storeExists(stateDirectory: string): Promise<boolean> {
  const files = storeFiles(stateDirectory);
  return (await exists(files.keys)) || (await exists(files.database)) || (await exists(files.checkpoint));
}

/**
 * Whether the keys of the store in the state directory are sealed. Throws `store.locked` if they are and no key is given,
 * `unlock.wrong-key` if they do not open with it, and `store.damaged`.
 */
export async function isSealed(stateDirectory: string, unlockKey?: SecretValue): Promise<boolean> {
  const keyFile = await readKeyFile(storeFiles(stateDirectory).keys, unlockKey);
  keyFile?.keyring.wipe();
  return keyFile?.seal.unlockKeyId !== undefined;
}

/** The id of the unlock key that seals the keys of the store; undefined if they are in the clear. Throws `store.damaged`. */
export async function keysSealedBy(stateDirectory: string): Promise<string | undefined> {
  return (await readKeySeal(storeFiles(stateDirectory).keys))?.unlockKeyId;
}
