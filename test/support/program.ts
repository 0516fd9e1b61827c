// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { runCommand } from './command.ts';
import { projectRoot } from './project.ts';

/** Bundles one of the test's own programs, `test/support/NAME.ts`, and resolves to the bundle's path. */
export async function buildTestProgram(name: string): Promise<string> {
  const root = projectRoot();
  const output = path.join(root, 'build', 'test', 'programs', `${name}.cjs`);
  await runCommand(
    [process.execPath, 'test/support/build-program.mjs', path.join('test', 'support', `${name}.ts`), output],
    { cwd: root },
  );
  return output;
}
