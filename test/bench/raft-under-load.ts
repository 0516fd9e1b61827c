// SPDX-License-Identifier: Apache-2.0
// What a proposer notices of the log being compacted, and of the state being exported for a follower.
import { cpSync } from 'node:fs';
import path from 'node:path';
import { interleaved } from './measure.ts';
import { Child } from './raft-child.ts';
import type { storeRole } from './raft-store.ts';
import { printTable } from './table.ts';

type StoreChild = Child<ReturnType<typeof storeRole>>;

const WIDTH = 16;
const VALUE_BYTES = 64;
const NEVER = { entriesMax: 100_000_000, bytesMax: Number.MAX_SAFE_INTEGER };

const SITUATIONS = [
  { what: 'the log only grows', logLimits: NEVER, exporting: false },
  {
    what: 'the log is compacted as it is by default, at 10,000 entries',
    logLimits: undefined,
    exporting: false,
  },
  {
    what: 'the log is compacted every 500 entries',
    logLimits: { ...NEVER, entriesMax: 1_000 },
    exporting: false,
  },
  { what: 'the state is exported, over and over', logLimits: NEVER, exporting: true },
] as const;

/** Measures all situations side by side, and prints a table. */
export async function measureUnderLoad(directory: string, quick: boolean): Promise<void> {
  const secrets = quick ? 10_000 : 100_000;
  process.stderr.write(`storing ${secrets} secrets ... `);
  const origin = path.join(directory, 'load');
  await withStoreChild(async (child) => {
    await child.ask('open', { directory: origin });
    await child.ask('fill', { secrets, value_bytes: VALUE_BYTES });
    await child.ask('close', undefined);
  });
  process.stderr.write('done\nlatency under load ');
  const children: StoreChild[] = [];
  for (const [place, { logLimits }] of SITUATIONS.entries()) {
    const copy = path.join(directory, `load-${place}`);
    cpSync(origin, copy, { recursive: true });
    const child = Child.start<ReturnType<typeof storeRole>>('store');
    children.push(child);
    await child.ask('open', { directory: copy, ...(logLimits === undefined ? {} : { logLimits }) });
  }
  let exported_bytes = 0;
  let exports = 0;
  const timings = await interleaved(
    quick ? 1 : 5,
    SITUATIONS.map(({ exporting }, place) => async (round) => {
      const load = {
        duration_ms: quick ? 500 : 3_000,
        width: WIDTH,
        value_bytes: VALUE_BYTES,
        prefix: `l${round}`,
      };
      const child = children[place];
      if (child === undefined) {
        throw new RangeError('a situation has no store');
      }
      if (!exporting) {
        return child.ask('measure', load);
      }
      const measured = await child.ask('measureExporting', load);
      exported_bytes += measured.exported_bytes;
      exports += measured.exports;
      return measured.timing;
    }),
  );
  process.stderr.write(' done\n');
  process.stdout.write(
    `\nA store of ${secrets} secrets and more, ${WIDTH} proposers, values of ${VALUE_BYTES} bytes, while\n\n`,
  );
  printTable([
    ['', 'per s', 'p50 ms', 'p99 ms', 'max ms', 'ratio'],
    ...timings.map(({ perSecond, p50_ms, p99_ms, max_ms }, place) => [
      SITUATIONS[place]?.what ?? '',
      perSecond.toFixed(0),
      p50_ms.toFixed(2),
      p99_ms.toFixed(2),
      max_ms.toFixed(1),
      place === 0 ? '1' : (perSecond / (timings[0]?.perSecond ?? 0)).toFixed(2),
    ]),
  ]);
  process.stdout.write(`\n${exports} exports, ${(exported_bytes / 1024 ** 2).toFixed(0)} MiB in all\n`);
  for (const child of children) {
    await child.ask('close', undefined);
    await child.stop();
  }
}

/** Runs `work` with a process of its own for a store. */
export async function withStoreChild<T>(work: (child: StoreChild) => Promise<T>): Promise<T> {
  const child = Child.start<ReturnType<typeof storeRole>>('store');
  try {
    return await work(child);
  } finally {
    await child.stop();
  }
}
