// SPDX-License-Identifier: Apache-2.0
// Writes docs/reference/ anew.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../support/project.ts';
import { referencePages } from './pages.ts';

async function main(): Promise<void> {
  const directory = path.join(projectRoot(), 'docs', 'reference');
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of await referencePages()) {
    writeFileSync(path.join(directory, name), text);
    process.stdout.write(`docs/reference/${name}\n`);
  }
}

main().catch((thrown: unknown) => {
  process.stderr.write(`the reference could not be written: ${String(thrown)}\n`);
  process.exitCode = 1;
});
