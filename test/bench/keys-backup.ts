// SPDX-License-Identifier: Apache-2.0
// How fast a backup is written, verified and restored, by the command line as an operator uses it.
import { statSync } from 'node:fs';
import path from 'node:path';
import type { ManagerProcess } from '../support/manager-process.ts';
import { managerWith } from './keys-calls.ts';
import { printTable } from './table.ts';

const MEGABYTE = 1_000_000;
const TIMEOUT_MS = 600_000;

interface Stage {
  readonly secrets: number;
  readonly value_bytes: number;
}

const STAGES: readonly Stage[] = [
  { secrets: 100_000, value_bytes: 64 },
  { secrets: 500, value_bytes: 128 * 1024 },
];

/** Measures backups of many small secrets and of some large ones, and prints a table. */
export async function measureBackups(directory: string, quick: boolean): Promise<void> {
  const rows: (readonly string[])[] = [];
  for (const [number, { secrets, value_bytes }] of STAGES.entries()) {
    const stage = { secrets: quick ? secrets / 10 : secrets, value_bytes };
    rows.push(...(await measureStage(directory, stage, String(number))));
  }
  process.stdout.write(
    '\nA backup for one recipient, and a restore into an empty manager; MB of the file, each process from its start to its end\n\n',
  );
  printTable([['', 'MB', 's', 'MB/s', 'secrets/s'], ...rows]);
}

async function measureStage(
  directory: string,
  { secrets, value_bytes }: Stage,
  prefix: string,
): Promise<readonly (readonly string[])[]> {
  const [key, file] = [path.join(directory, `${prefix}-key`), path.join(directory, `${prefix}-backup`)];
  const from = await managerWith(directory, secrets, value_bytes);
  const to = await managerWith(directory, 0, value_bytes).catch(async (error: unknown) => {
    await from.destroy();
    throw error;
  });
  try {
    const { stdout } = await from.cli(['backup-key', key]);
    const identity = ['--identity', key];
    const times_s = [
      await timed(from, ['backup', '--recipient', stdout.trim(), file]),
      await timed(from, ['restore', '--verify', ...identity, file]),
      await timed(to, ['restore', ...identity, file]),
    ];
    const size_MB = statSync(file).size / MEGABYTE;
    return ['backup', 'restore --verify', 'restore'].map((command, place) => {
      const time_s = times_s[place] ?? 0;
      return [
        `${command}, ${secrets} secrets of ${value_bytes} bytes`,
        size_MB.toFixed(1),
        time_s.toFixed(1),
        (size_MB / time_s).toFixed(1),
        (secrets / time_s).toFixed(0),
      ];
    });
  } finally {
    await from.destroy();
    await to.destroy();
  }
}

async function timed(manager: ManagerProcess, words: readonly string[]): Promise<number> {
  process.stderr.write(`${words[0] ?? ''} ... `);
  const began_ms = performance.now();
  await manager.cli(words, { timeout_ms: TIMEOUT_MS });
  process.stderr.write('done\n');
  return (performance.now() - began_ms) / 1_000;
}
