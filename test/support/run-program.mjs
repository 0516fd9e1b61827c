// SPDX-License-Identifier: Apache-2.0
// Bundles one TypeScript program of the tests (the demonstration, a benchmark) and runs it in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { build } from 'esbuild';
import { copyAddon, testBundleOptions } from '../../build.mjs';

const root = path.dirname(path.dirname(import.meta.dirname));

/**
 * Runs `entry`, a path from the root, with `args`, and with `flags` of Node's; resolves to its exit code. Signals that end this
 * process end it. With `alone`, a Ctrl-C of the terminal reaches the program itself, and nothing of what it has started.
 */
export async function runProgram(entry, args, { alone = false, flags = [] } = {}) {
  const directory = path.join(root, 'build', 'test', path.basename(path.dirname(entry)));
  const outfile = path.join(directory, `${path.basename(entry, '.ts')}.cjs`);
  await build({
    ...testBundleOptions,
    entryPoints: [entry],
    outfile,
    absWorkingDir: root,
  });
  copyAddon(directory);
  const child = spawn(process.execPath, ['--enable-source-maps', ...flags, outfile, ...args], {
    stdio: 'inherit',
    cwd: root,
    detached: alone,
  });
  // The program cleans up after itself when it is interrupted; this process only has to outlive it.
  process.on('SIGINT', () => (alone ? child.kill('SIGINT') : undefined));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = await once(child, 'exit');
  return code ?? 130;
}
