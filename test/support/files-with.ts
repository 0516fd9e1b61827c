// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** The files of a directory in which a key is named by its id: each record names the one that it is sealed under. */
export function filesWith(directory: string, keyId: string): readonly string[] {
  return (
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(directory, name))
      // LevelDB may be removing some just now.
      .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true)
      .filter((file) => {
        const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
        return content.includes(Buffer.from(keyId, 'hex')) || content.includes(keyId);
      })
  );
}
