// SPDX-License-Identifier: Apache-2.0
// What an entry, a restart and the memory cost as more and more is stored.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Timing } from './measure.ts';
import type { Usage } from './raft-store.ts';
import { withStoreChild } from './raft-under-load.ts';
import { printTable } from './table.ts';

const WIDTH = 64;
const VALUE_BYTES = 64;
const RESTARTS = 3;

interface Restart {
  readonly serving_ms: number;
  readonly loaded_ms: number;
  /** When all is loaded. */
  readonly usage: Usage;
}

interface Stage {
  readonly secrets: number;
  readonly timing: Timing;
  readonly running: Usage;
  readonly disk_bytes: number;
  /** The median one of a few. */
  readonly restart: Restart;
}

/** Fills a store in stages, and prints a table of what each costs. */
export async function measureGrowth(directory: string, quick: boolean): Promise<void> {
  const stages: Stage[] = [];
  for (const secrets of quick ? [1_000, 10_000] : [10_000, 100_000, 1_000_000]) {
    stages.push(await measureStage(path.join(directory, 'growth'), secrets, quick ? 500 : 3_000));
  }
  process.stdout.write(
    `\nAs the state grows: values of ${VALUE_BYTES} bytes, ${WIDTH} proposers; a restart until the store serves, and until all ` +
      'metadata are in memory and verified, with the memory that it has then\n\n',
  );
  printTable([
    [
      'secrets',
      'us/entry',
      'p50 ms',
      'p99 ms',
      'disk MiB',
      'memory MiB',
      'restart s',
      'loaded s',
      'memory MiB',
    ],
    ...stages.map(({ secrets, timing, running, disk_bytes, restart }) => [
      String(secrets),
      (1_000_000 / timing.perSecond).toFixed(1),
      timing.p50_ms.toFixed(2),
      timing.p99_ms.toFixed(2),
      inMebibytes(disk_bytes),
      inMebibytes(running.resident_bytes),
      (restart.serving_ms / 1_000).toFixed(2),
      (restart.loaded_ms / 1_000).toFixed(2),
      inMebibytes(restart.usage.resident_bytes),
    ]),
  ]);
}

async function measureStage(directory: string, secrets: number, duration_ms: number): Promise<Stage> {
  process.stderr.write(`storing up to ${secrets} secrets ... `);
  const { timing, running } = await withStoreChild(async (child) => {
    await child.ask('open', { directory });
    await child.ask('fill', { secrets, value_bytes: VALUE_BYTES });
    const load = { duration_ms, width: WIDTH, value_bytes: VALUE_BYTES, prefix: `g${secrets}` };
    const measured = {
      timing: await child.ask('measure', load),
      running: await child.ask('usage', undefined),
    };
    await child.ask('close', undefined);
    return measured;
  });
  process.stderr.write('done, restarting ');
  const restarts: Restart[] = [];
  for (let count = 0; count < RESTARTS; count += 1) {
    restarts.push(
      await withStoreChild(async (child) => {
        const times = await child.ask('restart', { directory });
        return { ...times, usage: await child.ask('usage', undefined) };
      }),
    );
    process.stderr.write('.');
  }
  process.stderr.write(' done\n');
  restarts.sort((a, b) => a.serving_ms - b.serving_ms);
  const restart = restarts[Math.floor(RESTARTS / 2)];
  if (restart === undefined) {
    throw new RangeError('nothing was restarted');
  }
  const disk_bytes = sizeOf(path.join(directory, 'database'));
  return { secrets, timing, running, disk_bytes, restart };
}

function sizeOf(directory: string): number {
  return readdirSync(directory)
    .map((file) => statSync(path.join(directory, file)).size)
    .reduce((sum, size) => sum + size, 0);
}

function inMebibytes(size_bytes: number): string {
  return (size_bytes / 1024 ** 2).toFixed(0);
}
