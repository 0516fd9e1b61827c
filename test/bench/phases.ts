// SPDX-License-Identifier: Apache-2.0
// When a benchmark did what: noted beside the profiles of all that took part, so that each can be cut to that time.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { machine_ms } from './cluster-load.ts';
import type { Stretch } from './flame-graph.ts';

/** A stretch of time on the clock that all processes of a machine share, which is that of profiles too. */
interface Phase {
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

/** The phases that were noted in a directory of profiles, and when each of them was: it may have come several times. */
export function phasesIn(directory: string): ReadonlyMap<string, readonly Stretch[]> {
  const phases = new Map<string, Stretch[]>();
  const file = path.join(directory, FILE);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  for (const { from_ms, name, to_ms } of lines.map((line) => JSON.parse(line) as Phase)) {
    const stretches = phases.get(name) ?? [];
    phases.set(name, stretches);
    stretches.push({ from_us: from_ms * 1_000, to_us: to_ms * 1_000 });
  }
  return phases;
}
