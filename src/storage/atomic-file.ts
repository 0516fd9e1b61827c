// SPDX-License-Identifier: Apache-2.0
import { mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';

/**
 * Puts `content` in the place of `file`, which a crash leaves as it was or as it shall be: a temporary file
 * beside it, synced, renamed over it, and the directory synced. Mode 0600.
 */
export async function writeFileAtomically(file: string, content: Uint8Array): Promise<void> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncDirectory(path.dirname(file));
}

/** Makes the entries of a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A directory that only its owner may enter, made durable with all parents that had to be made. */
export async function makePrivateDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  const topmost = path.dirname(first ?? directory);
  for (let parent = path.dirname(directory); parent.length >= topmost.length; parent = path.dirname(parent)) {
    await syncDirectory(parent);
    if (parent === topmost) {
      break;
    }
  }
}
