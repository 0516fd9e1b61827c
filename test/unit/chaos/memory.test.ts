// SPDX-License-Identifier: Apache-2.0
// What samples of memory come to.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MemorySample, memoryTable, summarize } from '../../chaos/memory.ts';

const MEGABYTE = 1024 * 1024;

/** One sample in two seconds. */
function samplesOf(pid: number, begin_ms: number, sizes_mb: readonly number[]): readonly MemorySample[] {
  return sizes_mb.map((size, index) => ({
    at_ms: begin_ms + index * 2_000,
    pid,
    size_bytes: size * MEGABYTE,
  }));
}

describe('the memory of a daemon over a run', () => {
  test('grows by what it has more in the last quarter than in the first', () => {
    const rising = Array.from({ length: 110 }, (_, index) => 100 + index);
    const summary = summarize('coffer', samplesOf(1, 0, rising));
    // The first ten samples are of a process that was just started; then come 100, from 110 to 209.
    assert.equal(summary?.growth_bytes, 75 * MEGABYTE);
    assert.equal(summary?.most_bytes, 209 * MEGABYTE);
  });

  test('is flat where it goes up and down, also over several processes', () => {
    const one = Array.from({ length: 60 }, (_, index) => (index < 9 ? 60 : 100 + (index % 2)));
    const both = [...samplesOf(1, 0, one), ...samplesOf(2, 200_000, one)];
    const summary = summarize('coffer', both);
    assert.equal(summary?.processes, 2);
    assert.ok(Math.abs(summary?.growth_bytes ?? Infinity) <= MEGABYTE);
  });

  test('is not judged in a run that is too short, and not told without a sample', () => {
    const short = summarize('coffer', samplesOf(1, 0, [90, 100, 110]));
    assert.deepEqual([short?.growth_bytes, short?.last_bytes], [undefined, 110 * MEGABYTE]);
    assert.equal(summarize('coffer', []), undefined);
  });

  test('is shown as a table', () => {
    const summary = summarize('coffer on engine-1', samplesOf(1, 0, [90, 100, 95]));
    assert.deepEqual(memoryTable(summary === undefined ? [] : [summary]), [
      'MEMORY OF             PROCESSES  FIRST      LAST       MOST       GROWTH',
      'coffer on engine-1    1          90 MB      95 MB      100 MB     -',
    ]);
  });
});
