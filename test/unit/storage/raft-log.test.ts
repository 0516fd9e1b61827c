// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Entry } from '../../../src/raft/index.ts';
import { RaftLog } from '../../../src/storage/index.ts';
import { entryKey } from '../../../src/storage/places.ts';
import { entriesFrom, LogHarness, WIDE } from './log-harness.ts';

describe('the log', () => {
  let harness: LogHarness;

  beforeEach(async () => {
    harness = await LogHarness.make();
  });
  afterEach(() => harness.close());

  test('reads back what was appended, chained as it was', async () => {
    const { log } = await harness.openLog();
    const written: Entry[] = [
      ...entriesFrom(1, 300),
      ...entriesFrom(301, 5, 4),
      { index: 306, term: 4, type: 'EntryConfChange', data: Buffer.alloc(0) },
      { index: 307, term: 4, type: 'EntryConfChangeV2', data: Buffer.of(1) },
    ];
    await harness.append(log, written);
    const reopened = await harness.openLog();
    assert.deepEqual(reopened.entries, written);
    assert.deepEqual(reopened.log.last, log.last);
    assert.deepEqual(reopened.log.positionAt(17), log.positionAt(17));
  });

  test('wipes the data that its reader does not keep', async () => {
    const { log } = await harness.openLog();
    await harness.append(log, entriesFrom(1, 3));
    const seen: Entry[] = [];
    await RaftLog.open(harness.database, harness.keyring, WIDE, (entry) => {
      seen.push(entry);
      return entry.index === 2;
    });
    assert.deepEqual(
      seen.map(({ data }) => data.every((byte) => byte === 0)),
      [true, false, true],
    );
  });

  test('names the entry at which it breaks', async () => {
    const { log } = await harness.openLog();
    await harness.append(log, entriesFrom(1, 10));
    await harness.database.write([{ type: 'del', key: entryKey(4) }], { sync: false });
    await assert.rejects(harness.openLog(), /the log has no entry 4, though it has entry 5/);
  });

  test('refuses an entry of a log that forked, and one of another index', async () => {
    const fork = await harness.openLog();
    const { log } = await harness.openLog();
    await harness.append(log, entriesFrom(1, 3));
    const recordOfThird = harness.database.get(entryKey(3), 'an entry');
    assert.ok(recordOfThird !== undefined);
    const [, , third] = fork.log.append([
      ...entriesFrom(1, 2, 1).map((entry) => ({ ...entry, data: Buffer.from('other') })),
      ...entriesFrom(3, 1),
    ]);
    assert.ok(third?.type === 'put');
    await harness.database.write([third], { sync: false });
    await assert.rejects(harness.openLog(), /entry 3 of the log does not follow on the entry before it/);
    await harness.database.write(
      [
        {
          type: 'put',
          key: entryKey(3),
          value: harness.database.get(entryKey(2), 'an entry') ?? Buffer.alloc(0),
        },
      ],
      { sync: false },
    );
    await assert.rejects(harness.openLog(), /entry 3 of the log stands in a place that is not its own/);
    await harness.database.write([{ type: 'put', key: entryKey(3), value: recordOfThird }], { sync: false });
    assert.equal((await harness.openLog()).entries.length, 3);
  });

  test('takes no entry out of order or of an older term', async () => {
    const { log } = await harness.openLog();
    await harness.append(log, entriesFrom(1, 2, 5));
    assert.throws(() => log.append(entriesFrom(4, 1, 5)), { code: 'internal.invariant' });
    assert.throws(() => log.append(entriesFrom(3, 1, 4)), { code: 'internal.invariant' });
    assert.throws(() => log.append(entriesFrom(0, 1, 5)), { code: 'internal.invariant' });
  });

  test('is compacted by count to its younger half, and no further than is applied', async () => {
    const { log } = await harness.openLog({ entriesMax: 10, bytesMax: 1e9 });
    await harness.append(log, entriesFrom(1, 10));
    assert.deepEqual(log.compact(10), [], 'the limit is not passed');
    await harness.append(log, entriesFrom(11, 1));
    await harness.compact(log, 3);
    assert.equal(log.start.index, 3);
    await harness.append(log, entriesFrom(12, 3));
    await harness.compact(log, 14);
    assert.equal(log.start.index, 9);
    const reopened = await harness.openLog();
    assert.deepEqual(reopened.log.start, log.start);
    assert.deepEqual(
      reopened.entries.map(({ index }) => index),
      [10, 11, 12, 13, 14],
    );
    assert.equal(log.positionAt(8), undefined);
    assert.deepEqual(log.positionAt(9), log.start, 'the entry before the first one is known by its term');
    assert.equal(log.positionAt(10)?.index, 10);
  });

  test('is compacted by bytes, also when one entry is larger than the limit', async () => {
    const { log } = await harness.openLog({ entriesMax: 1e9, bytesMax: 1_000 });
    await harness.append(log, [
      { index: 1, term: 1, type: 'EntryNormal', data: Buffer.alloc(5_000) },
      ...entriesFrom(2, 3),
    ]);
    await harness.compact(log, 4);
    assert.equal(log.start.index, 1);
    assert.deepEqual(
      (await harness.openLog()).entries.map(({ index }) => index),
      [2, 3, 4],
    );
  });

  test('deletes what it let go of a piece at a time, also after a restart in between', async () => {
    const { log } = await harness.openLog({ entriesMax: 100, bytesMax: 1e9 });
    await harness.append(log, entriesFrom(1, 3_000));
    await harness.compact(log, 0);
    await harness.compact(log, 3_000);
    assert.equal(log.start.index, 2_950);
    assert.equal((await harness.indexesOnDisk()).length, 3_000 - 1_024);
    const { log: reopened, entries } = await harness.openLog();
    assert.equal(entries.length, 50, 'dead entries are not read');
    for (const left of [3_000 - 2 * 1_024, 50, 50]) {
      await harness.compact(reopened, 3_000);
      assert.equal((await harness.indexesOnDisk()).length, left);
    }
    assert.equal((await harness.openLog()).entries.length, 50);
  });

  test('deletes more of what it let go of the more it takes in, so that it stays short on the disk too', async () => {
    const limits = { entriesMax: 2_000, bytesMax: 1e9 };
    const { log } = await harness.openLog(limits);
    for (let batch = 0; batch < 8; batch += 1) {
      await harness.append(log, entriesFrom(1 + batch * 3_000, 3_000));
      await harness.compact(log, (batch + 1) * 3_000);
      assert.ok((await harness.indexesOnDisk()).length <= limits.entriesMax + 3_000);
    }
  });

  test('is refused without the record of where it begins', async () => {
    await harness.database.write([{ type: 'del', key: Buffer.from('m') }], { sync: false });
    await assert.rejects(harness.openLog(), /has lost the record of where the log begins/);
  });
});
