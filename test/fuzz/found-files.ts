// SPDX-License-Identifier: Apache-2.0
// Failing inputs as files, so that they can be run again.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const DIRECTORY = path.join('build', 'fuzz');

/** Writes an input under the name of its target; returns the file's path. */
export function writeFound(target: string, input: Buffer): string {
  mkdirSync(DIRECTORY, { recursive: true });
  const digest = createHash('sha256').update(input).digest('hex').slice(0, 8);
  const file = path.join(DIRECTORY, `${target.replaceAll('/', '.')}-${digest}.bin`);
  writeFileSync(file, input);
  return file;
}

/** The target that such a file is of. */
export function targetOf(file: string): string {
  return path
    .basename(file)
    .replace(/-[0-9a-f]{8}\.bin$/, '')
    .replace('.', '/');
}
