// SPDX-License-Identifier: Apache-2.0
// What one manager costs as more and more secrets are in it.
import { ManagerProcess } from '../../support/manager-process.ts';
import { residentMemory } from '../../support/process-status.ts';
import { found, Samples, type Subject } from './finding.ts';
import {
  backup_ms,
  backupKey,
  command_ms,
  diskOf,
  fill,
  getSecret_ms,
  put_ms,
  start_ms,
} from './manager-costs.ts';
import type { Section } from './markdown.ts';
import { type RunOptions, say, sizesInTime } from './runner.ts';

const SIZES = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000];
const SIZES_QUICK = [1_000, 3_000, 10_000];
const VALUE = Buffer.alloc(64, 'x');
const MIB = 1024 ** 2;
const SCALES = { x: 'log', y: 'log' } as const;
const COMMON = { rowTitle: 'secrets', better: 'less', each: 'secret', scales: SCALES } as const;

const TIMES: Subject = {
  ...COMMON,
  id: 'secrets-time',
  title: 'Time, as the number of secrets grows',
  about:
    `One manager with secrets of ${VALUE.length} bytes, in milliseconds. \`put\` and \`GetSecret\` are medians of calls that are made one at a time; ` +
    '`ls` and `backup` are commands, from the start of the process to its end; `start` is from the start of the daemon until it serves.',
  unit: 'milliseconds',
  shortUnit: 'ms',
};
const SPACE: Subject = {
  ...COMMON,
  id: 'secrets-space',
  title: 'Memory and disk, as the number of secrets grows',
  about:
    'Of the same manager, in MiB: what its process holds in memory after all of that, and again after a start; what its state has on the disk.',
  unit: 'MiB',
};

export async function secretsSection({ directory, quick, curve_ms }: RunOptions): Promise<Section> {
  const [times, space] = [new Samples(), new Samples()];
  const runs = quick ? 2 : 3;
  const manager = await ManagerProcess.start({ directory, env: { COFFER_LOG_LEVEL: 'info' } });
  let largest = 0;
  try {
    await manager.serving();
    const key = await backupKey(manager, directory);
    for (const secrets of sizesInTime(quick ? SIZES_QUICK : SIZES, curve_ms)) {
      say(`one manager with ${secrets} secrets`);
      await fill(manager, largest, secrets, VALUE);
      largest = secrets;
      for (let run = 0; run < runs; run += 1) {
        times.note(secrets, 'put', await put_ms(manager, secrets, VALUE));
        times.note(secrets, 'GetSecret', await getSecret_ms(manager, secrets));
        times.note(secrets, 'ls', await command_ms(manager, ['ls']));
        times.note(secrets, 'backup', await backup_ms(manager, directory, key));
        space.note(secrets, 'memory, in use', residentMemory(manager.pid) / MIB);
        times.note(secrets, 'start', await start_ms(manager));
        // The rest of the metadata is read while it serves.
        times.note(secrets, 'the first ls after it', await command_ms(manager, ['ls']));
        space.note(secrets, 'memory, after a start', residentMemory(manager.pid) / MIB);
        space.note(secrets, 'disk', diskOf(manager) / MIB);
      }
    }
  } finally {
    await manager.destroy();
  }
  return {
    title: 'As secrets grow in number',
    findings: found([
      times.finding(TIMES, ['put', 'GetSecret', 'ls', 'start', 'the first ls after it', 'backup']),
      space.finding(SPACE, ['memory, in use', 'memory, after a start', 'disk']),
    ]),
    leftOut: [],
  };
}
