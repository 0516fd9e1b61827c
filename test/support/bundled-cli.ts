// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from './project.ts';

/** Bundles the command line as the build does, into the test's own directory. Answers with the program's file. */
export function bundleCli(directory: string): string {
  const program = path.join(directory, 'coffer.cjs');
  const script = path.join('test', 'support', 'build-program.mjs');
  const built = spawnSync(process.execPath, [script, 'src/cli/main.ts', program, '--executable'], {
    encoding: 'utf8',
    cwd: projectRoot(),
  });
  assert.equal(built.status, 0, built.stderr);
  return program;
}
