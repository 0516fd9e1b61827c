// SPDX-License-Identifier: Apache-2.0
// When a benchmark did what: noted beside the profiles of all that took part, so that each can be cut to that time.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { machine_ms } from './cluster-load.ts';

/** A stretch of time on the clock that all processes of a machine share, which is that of profiles too. */
export interface Phase {
  readonly name: string;
  readonly from_ms: number;
  readonly to_ms: number;
}

const FILE = 'phases.jsonl';
const DIRECTORY_FLAG = '--cpu-prof-dir=';

/** Does the work, and notes when it was done, if this process is profiled. */
export async function inPhase<T>(name: string, work: () => Promise<T>): Promise<T> {
  const from_ms = machine_ms();
  const result = await work();
  const directory = process.execArgv.find((word) => word.startsWith(DIRECTORY_FLAG));
  if (directory !== undefined) {
    const phase: Phase = { name, from_ms, to_ms: machine_ms() };
    appendFileSync(path.join(directory.slice(DIRECTORY_FLAG.length), FILE), `${JSON.stringify(phase)}\n`);
  }
  return result;
}

/** The phases that were noted in a directory of profiles. */
export function phasesIn(directory: string): readonly Phase[] {
  const file = path.join(directory, FILE);
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Phase)
    : [];
}
