// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { builtFile, projectRoot } from './project.ts';

/** What Node's profiler is told, of which the profile of a daemon is a part. */
const PROFILING = '--cpu-prof';

/**
 * How the tests start the daemon as a plain process: with Node's own flags as the managed plugin gives them, and profiled if
 * this process is.
 */
export function daemonCommand(): readonly [program: string, ...args: string[]] {
  const config = readFileSync(path.join(projectRoot(), 'config.json'), 'utf8');
  const { entrypoint } = JSON.parse(config) as { readonly entrypoint: readonly string[] };
  const flags = entrypoint.filter((word) => word.startsWith('--'));
  const profiling = process.execArgv.filter((word) => word.startsWith(PROFILING));
  return [process.execPath, ...flags, ...profiling, builtFile('dist/coffer-daemon.cjs', 'make build')];
}
