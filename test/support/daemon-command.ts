// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { builtFile, projectRoot } from './project.ts';

/** How the tests start the daemon as a plain process: with Node's own flags as the managed plugin gives them. */
export function daemonCommand(...more: readonly string[]): readonly [program: string, ...args: string[]] {
  const config = readFileSync(path.join(projectRoot(), 'config.json'), 'utf8');
  const { entrypoint } = JSON.parse(config) as { readonly entrypoint: readonly string[] };
  const flags = entrypoint.filter((word) => word.startsWith('--'));
  return [process.execPath, ...flags, ...more, builtFile('dist/coffer-daemon.cjs', 'make build')];
}
