// SPDX-License-Identifier: Apache-2.0
// A benchmark as a process of its own, as `make bench` runs it: what it prints goes into a file, and its rows come back.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atProcessEnd } from '../../support/cleanup.ts';
import { projectRoot } from '../../support/project.ts';
import type { NotedRow } from '../table.ts';

/** Then it is told to end: several times what the longest one takes. */
const LIMIT_MS = 600_000;

/** The file in the section's directory that has what the benchmarks print; it is kept beside the report, by the section's name. */
export const PRINTED = 'output.txt';

/** Resolves to the rows of all tables of `node test/bench/run.mjs WORDS`; rejects unless it exits with 0. */
export async function benchRows(directory: string, words: readonly string[]): Promise<readonly NotedRow[]> {
  const noted = path.join(directory, 'rows.jsonl');
  rmSync(noted, { force: true });
  const output = openSync(path.join(directory, PRINTED), 'a');
  const args = [path.join('test', 'bench', 'run.mjs'), ...words, '--json', noted];
  const child = spawn(process.execPath, args, { stdio: ['ignore', output, output], cwd: projectRoot() });
  closeSync(output);
  const end = (): void => void child.kill('SIGTERM');
  const forget = atProcessEnd(end);
  const ended = new AbortController();
  try {
    const limit = delay(LIMIT_MS, undefined, { signal: ended.signal }).then(end);
    limit.catch(() => undefined);
    await once(child, 'exit');
    if (child.exitCode !== 0) {
      throw new Error(
        `\`${words.join(' ')}\` ended with ${child.exitCode ?? 'a signal'}: what it printed is kept beside the report`,
      );
    }
  } finally {
    ended.abort();
    forget();
  }
  if (!existsSync(noted)) {
    return [];
  }
  const lines = readFileSync(noted, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as NotedRow);
}

/** The cell below a head, where it is a number. */
export function numberIn({ head, cells }: NotedRow, name: string): number {
  const cell = cells[head.indexOf(name)];
  if (typeof cell !== 'number') {
    throw new TypeError(`no number below "${name}": ${JSON.stringify(cells)}`);
  }
  return cell;
}
