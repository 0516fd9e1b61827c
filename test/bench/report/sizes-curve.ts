// SPDX-License-Identifier: Apache-2.0
// What one manager costs as values grow.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ManagerProcess } from '../../support/manager-process.ts';
import { residentMemory } from '../../support/process-status.ts';
import { found, Samples, type Subject } from './finding.ts';
import { backup_ms, backupKey, diskOf, fill, getSecret_ms, put_ms, start_ms } from './manager-costs.ts';
import type { Section } from './markdown.ts';
import { type RunOptions, say } from './runner.ts';

/** The last is the largest that Docker lets a secret be, but for a few bytes. */
const SIZES_BYTES = [64, 512, 4_096, 32_768, 131_072, 500_000];
const SIZES_QUICK_BYTES = [64, 4_096, 65_536, 500_000];
const SECRETS = 200;
const SECRETS_QUICK = 50;
const MIB = 1024 ** 2;
const SCALES = { x: 'log', y: 'log' } as const;
const COMMON = { rowTitle: 'bytes of a value', better: 'less', each: 'byte', scales: SCALES } as const;

const TIMES: Subject = {
  ...COMMON,
  id: 'sizes-time',
  title: 'Time, as values grow',
  about: 'In milliseconds, one call at a time; `backup` is a command that writes all of them into a file.',
  unit: 'milliseconds',
  shortUnit: 'ms',
};
const SPACE: Subject = {
  ...COMMON,
  id: 'sizes-space',
  title: 'Memory and disk, as values grow',
  about: 'In MiB. The disk has several versions of each secret, and the log that has not been let go of yet.',
  unit: 'MiB',
};

export async function sizesSection({ directory, quick }: RunOptions): Promise<Section> {
  const [times, space] = [new Samples(), new Samples()];
  const secrets = quick ? SECRETS_QUICK : SECRETS;
  const runs = quick ? 1 : 3;
  for (const size_bytes of quick ? SIZES_QUICK_BYTES : SIZES_BYTES) {
    say(`one manager with ${secrets} secrets of ${size_bytes} bytes`);
    const own = path.join(directory, String(size_bytes));
    mkdirSync(own);
    const value = Buffer.alloc(size_bytes, 'x');
    const manager = await ManagerProcess.start({ directory: own, env: { COFFER_LOG_LEVEL: 'info' } });
    try {
      await manager.serving();
      const key = await backupKey(manager, own);
      await fill(manager, 0, secrets, value);
      for (let run = 0; run < runs; run += 1) {
        times.note(size_bytes, 'put', await put_ms(manager, secrets, value));
        times.note(size_bytes, 'GetSecret', await getSecret_ms(manager, secrets));
        times.note(size_bytes, `backup of ${secrets}`, await backup_ms(manager, own, key));
        space.note(size_bytes, 'memory, in use', residentMemory(manager.pid) / MIB);
        space.note(size_bytes, 'disk', diskOf(manager) / MIB);
        times.note(size_bytes, 'start', await start_ms(manager));
      }
    } finally {
      await manager.destroy();
    }
  }
  return {
    title: 'As values grow',
    findings: found([
      times.finding(TIMES, ['put', 'GetSecret', `backup of ${secrets}`, 'start']),
      space.finding(SPACE, ['memory, in use', 'disk']),
    ]),
    leftOut: [],
  };
}
