// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import path from 'node:path';

/** The project's top level, which is where the tests are run. */
export function projectRoot(): string {
  const root = process.cwd();
  if (!existsSync(path.join(root, 'config.json'))) {
    throw new Error(`tests are run at the project's top level, not in ${root}`);
  }
  return root;
}

/** A file that the build made; throws one that says how to make it when it is not there. */
export function builtFile(place: string, make: string): string {
  const file = path.join(projectRoot(), place);
  if (!existsSync(file)) {
    throw new Error(`${place} is not there: ${make}`);
  }
  return file;
}
