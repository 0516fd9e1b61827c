// SPDX-License-Identifier: Apache-2.0
// How long a manager takes to be where the others are: one that joins, as secrets grow in number, and one that stood still.
import { benchRows, numberIn } from './bench-process.ts';
import { found, Samples, type Subject } from './finding.ts';
import type { Section } from './markdown.ts';
import { type RunOptions, say, sizesInTime } from './runner.ts';

const SIZES = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000];
const SIZES_QUICK = [1_000, 3_000];
const TIME = 'until it has all';
const FOLLOWER = 'processor of the one that joins';
const LEADER = 'processor of the leader';

const JOINED: Subject = {
  id: 'followers-state',
  title: 'A manager joins, as secrets grow in number',
  about:
    'Milliseconds from the start of its process until it has, and can list, all secrets of 64 bytes that the cluster has; and what both managers use of a processor meanwhile.',
  rowTitle: 'secrets',
  unit: 'milliseconds',
  shortUnit: 'ms',
  better: 'less',
  each: 'secret',
  scales: { x: 'log', y: 'log' },
};
const MISSED: Subject = {
  id: 'followers-entries',
  title: 'A manager that stood still catches up',
  about:
    'Entries per second of those that it has missed, each a new secret of 64 bytes, beside as many secrets as said.',
  rowTitle: 'secrets',
  unit: 'entries per second',
  better: 'more',
  scales: { x: 'log', y: 'linear' },
};

export async function followersSection({ directory, quick, curve_ms }: RunOptions): Promise<Section> {
  const [joined, missed] = [new Samples(), new Samples()];
  for (const secrets of sizesInTime(quick ? SIZES_QUICK : SIZES, curve_ms)) {
    say(`a manager joins a cluster with ${secrets} secrets`);
    const rows = await benchRows(directory, ['catch-up', String(secrets), ...(quick ? ['--quick'] : [])]);
    for (const row of rows) {
      const count = numberIn(row, 'secrets or entries');
      if (String(row.cells[0]).startsWith('a manager joins')) {
        const processor_ms = (whose: string): number => (numberIn(row, `${whose} us`) * count) / 1_000;
        joined.note(secrets, TIME, numberIn(row, 's') * 1_000);
        joined.note(secrets, FOLLOWER, processor_ms('follower'));
        joined.note(secrets, LEADER, processor_ms('leader'));
      } else {
        missed.note(secrets, 'coffer', numberIn(row, 'per s'));
      }
    }
  }
  return {
    title: 'Managers that join or were away',
    findings: found([joined.finding(JOINED, [TIME, FOLLOWER, LEADER]), missed.finding(MISSED, ['coffer'])]),
    leftOut: [],
  };
}
