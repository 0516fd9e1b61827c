// SPDX-License-Identifier: Apache-2.0
// The benchmark of starts: how long a manager with many secrets takes until it gives one, and until it can list all, and what
// memory that takes.
//
//   node test/bench/run.mjs start [COUNT ...]     10,000 and 100,000 secrets unless said otherwise
import { mkdirSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { ManagerProcess } from '../support/manager-process.ts';
import { peakMemory, residentMemory } from '../support/process-status.ts';
import { projectRoot } from '../support/project.ts';
import { waitFor } from '../support/wait-for.ts';
import { inPhase } from './phases.ts';
import { answerQuestions } from './raft-child.ts';
import { storeRole } from './raft-store.ts';
import { withStoreChild } from './raft-under-load.ts';
import { printTable } from './table.ts';

const COUNTS: readonly number[] = [10_000, 100_000];
const COUNT_MAX = 1_000_000;
const STARTS = 3;
const VALUE_BYTES = 64;
const LOADED_MS_MAX = 300_000;
const POLL_MS = 5;

interface Start {
  /** From the beginning of the process until a task has its secret. */
  readonly given_ms: number;
  /** And until all metadata are in memory and verified. */
  readonly loaded_ms: number;
  readonly resident_bytes: number;
  readonly peak_bytes: number;
}

async function startOnce(manager: ManagerProcess, wanted: string): Promise<Start> {
  const began_ms = performance.now();
  await manager.start();
  await waitFor(async () => (await manager.status()).state === 'serving', {
    what: 'the manager to serve',
    timeout_ms: LOADED_MS_MAX,
    interval_ms: POLL_MS,
  });
  await manager.deliver(wanted);
  const given_ms = performance.now() - began_ms;
  await waitFor(async () => (await manager.status()).store?.loaded_percent === undefined, {
    what: 'all secrets to be loaded',
    timeout_ms: LOADED_MS_MAX,
    interval_ms: POLL_MS,
  });
  const loaded_ms = performance.now() - began_ms;
  const { pid } = manager;
  const start = { given_ms, loaded_ms, resident_bytes: residentMemory(pid), peak_bytes: peakMemory(pid) };
  await manager.stop();
  process.stderr.write('.');
  return start;
}

/** Fills a manager's store, and starts the manager a few times. Resolves to the start in the middle. */
async function measure(secrets: number): Promise<Start> {
  // Not in /tmp, which is memory on some machines.
  const directory = path.join(projectRoot(), 'build');
  mkdirSync(directory, { recursive: true });
  const manager = await ManagerProcess.start({ directory, env: { COFFER_LOG_LEVEL: 'warn' } });
  try {
    await manager.serving();
    await manager.put('wanted', 'a value');
    await manager.stop();
    process.stderr.write(`storing ${secrets} secrets ... `);
    await withStoreChild(async (child) => {
      await child.ask('open', { directory: manager.stateDirectory });
      await child.ask('fill', { secrets, value_bytes: VALUE_BYTES });
      await child.ask('close', undefined);
    });
    process.stderr.write('done, starting ');
    const starts: Start[] = [];
    for (let count = 0; count < STARTS; count += 1) {
      starts.push(await inPhase('start', () => startOnce(manager, 'wanted')));
    }
    process.stderr.write(' done\n');
    const [middle] = starts.sort((a, b) => a.given_ms - b.given_ms).slice(Math.floor(STARTS / 2));
    if (middle === undefined) {
      throw new RangeError('nothing was started');
    }
    return middle;
  } finally {
    await manager.destroy();
  }
}

function countsIn(words: readonly string[]): readonly number[] {
  const counts = words.filter((word) => word !== '').map(Number);
  const strange = counts.find((count) => !Number.isInteger(count) || count < 1 || count > COUNT_MAX);
  if (strange !== undefined) {
    throw new RangeError(`say how many secrets: whole numbers from 1 to ${COUNT_MAX}`);
  }
  return counts.length === 0 ? COUNTS : counts;
}

async function main(words: readonly string[]): Promise<void> {
  const [cpu] = cpus();
  process.stdout.write(
    `starts of one manager; ${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.version}; values of ${VALUE_BYTES} bytes; ` +
      `the middle one of ${STARTS} starts\n\n`,
  );
  const seconds = (time_ms: number): string => (time_ms / 1_000).toFixed(2);
  const mebibytes = (size_bytes: number): string => (size_bytes / 1024 ** 2).toFixed(0);
  const rows: string[][] = [];
  for (const count of countsIn(words)) {
    const { given_ms, loaded_ms, peak_bytes, resident_bytes } = await measure(count);
    rows.push([
      String(count),
      seconds(given_ms),
      seconds(loaded_ms),
      mebibytes(resident_bytes),
      mebibytes(peak_bytes),
    ]);
  }
  process.stderr.write('\n');
  printTable([
    ['secrets', 'until one is given s', 'until all can be listed s', 'memory MiB', 'peak MiB'],
    ...rows,
  ]);
}

const [, , role = '', ...rest] = process.argv;
if (role === 'store') {
  answerQuestions(storeRole());
} else {
  main([role, ...rest]).catch((thrown: unknown) => {
    process.stderr.write(
      `\nThe benchmark failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
    process.exitCode = 1;
  });
}
