// SPDX-License-Identifier: Apache-2.0
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../common/index.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Whether a file of the directory has one of these byte strings anywhere. A file that is deleted meanwhile has none. */
export async function filesHold(directory: string, texts: readonly Buffer[]): Promise<boolean> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (const name of await readdir(directory)) {
    if (await fileHolds(path.join(directory, name), texts, buffer)) {
      return true;
    }
  }
  return false;
}

async function fileHolds(file: string, texts: readonly Buffer[], buffer: Buffer): Promise<boolean> {
  const handle = await open(file, 'r').catch(unlessGone);
  if (handle === undefined) {
    return false;
  }
  // The end of each chunk is looked at with the next one: a text may lie across both.
  const overlap = Math.max(0, ...texts.map(({ length }) => length - 1));
  try {
    let position = 0;
    let read = 0;
    do {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      const chunk = buffer.subarray(0, bytesRead);
      if (texts.some((text) => chunk.includes(text))) {
        return true;
      }
      read = bytesRead;
      position += bytesRead - overlap;
    } while (read > overlap);
    return false;
  } finally {
    await handle.close();
  }
}

function unlessGone(thrown: unknown): undefined {
  if (systemErrorCode(thrown) !== 'ENOENT') {
    throw thrown;
  }
}
