// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { CofferError, systemErrorCode } from '../common/index.ts';

/** The text of a file; undefined if there is none. Throws `store.faulted` for one that cannot be read. */
export async function readTextIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    if (systemErrorCode(thrown) === 'ENOENT') {
      return undefined;
    }
    throw CofferError.from(thrown, 'store.faulted');
  }
}
