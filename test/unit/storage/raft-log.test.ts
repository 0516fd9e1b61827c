// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Keyring } from '../../../src/crypto/index.ts';
import { Database, type LogEntry, type LogLimits, RaftLog, rangeOf } from '../../../src/storage/index.ts';
import { entryKey } from '../../../src/storage/places.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';

const WIDE: LogLimits = { entriesMax: 1e9, bytesMax: 1e9 };

describe('the log', () => {
  let temporary: TemporaryDirectory;
  let keyring: Keyring;
  let database: Database;

  beforeEach(async () => {
    temporary = temporaryDirectory();
    keyring = Keyring.generate();
    database = await Database.open(path.join(temporary.path, 'database'));
    await database.write(RaftLog.createOperations(keyring), { sync: false });
  });
  afterEach(async () => {
    await database.close();
    temporary.remove();
  });

  async function openLog(limits: LogLimits = WIDE): Promise<{ log: RaftLog; entries: LogEntry[] }> {
    const entries: LogEntry[] = [];
    const log = await RaftLog.open(database, keyring, limits, (entry) => entries.push(entry) > 0);
    return { log, entries };
  }

  function entriesFrom(first: number, count: number, term = 1): LogEntry[] {
    return Array.from({ length: count }, (_, offset) => ({
      index: first + offset,
      term,
      data: Buffer.from(`data of ${first + offset}`),
    }));
  }

  async function append(log: RaftLog, entries: readonly LogEntry[]): Promise<void> {
    await database.write(log.append(entries), { sync: false });
  }

  async function compact(log: RaftLog, appliedIndex: number): Promise<void> {
    await database.write(log.compact(appliedIndex), { sync: false });
  }

  async function keysOnDisk(): Promise<number> {
    let count = 0;
    for await (const group of database.groups(rangeOf('l'), 'the log')) {
      count += group.length;
    }
    return count;
  }

  test('reads back what was appended, chained as it was', async () => {
    const { log } = await openLog();
    const written = [...entriesFrom(1, 300), ...entriesFrom(301, 5, 4)];
    await append(log, written);
    const reopened = await openLog();
    assert.deepEqual(reopened.entries, written);
    assert.deepEqual(reopened.log.last, log.last);
    assert.deepEqual(reopened.log.digestAt(17), log.digestAt(17));
  });

  test('wipes the data that its reader does not keep', async () => {
    const { log } = await openLog();
    await append(log, entriesFrom(1, 3));
    const seen: LogEntry[] = [];
    await RaftLog.open(database, keyring, WIDE, (entry) => {
      seen.push(entry);
      return entry.index === 2;
    });
    assert.deepEqual(
      seen.map(({ data }) => data.every((byte) => byte === 0)),
      [true, false, true],
    );
  });

  test('names the entry at which it breaks', async () => {
    const { log } = await openLog();
    await append(log, entriesFrom(1, 10));
    await database.write([{ type: 'del', key: entryKey(4) }], { sync: false });
    await assert.rejects(openLog(), /the log has no entry 4, though it has entry 5/);
  });

  test('refuses an entry of a log that forked, and one of another index', async () => {
    const fork = await openLog();
    const { log } = await openLog();
    await append(log, entriesFrom(1, 3));
    const recordOfThird = database.get(entryKey(3), 'an entry');
    assert.ok(recordOfThird !== undefined);
    const [, , third] = fork.log.append([
      ...entriesFrom(1, 2, 1).map((entry) => ({ ...entry, data: Buffer.from('other') })),
      ...entriesFrom(3, 1),
    ]);
    assert.ok(third?.type === 'put');
    await database.write([third], { sync: false });
    await assert.rejects(openLog(), /entry 3 of the log does not follow on the entry before it/);
    await database.write(
      [{ type: 'put', key: entryKey(3), value: database.get(entryKey(2), 'an entry') ?? Buffer.alloc(0) }],
      { sync: false },
    );
    await assert.rejects(openLog(), /entry 3 of the log stands in a place that is not its own/);
    await database.write([{ type: 'put', key: entryKey(3), value: recordOfThird }], { sync: false });
    assert.equal((await openLog()).entries.length, 3);
  });

  test('takes no entry out of order or of an older term', async () => {
    const { log } = await openLog();
    await append(log, entriesFrom(1, 2, 5));
    assert.throws(() => log.append(entriesFrom(4, 1, 5)), { code: 'internal.invariant' });
    assert.throws(() => log.append(entriesFrom(3, 1, 4)), { code: 'internal.invariant' });
  });

  test('is compacted by count to its younger half, and no further than is applied', async () => {
    const { log } = await openLog({ entriesMax: 10, bytesMax: 1e9 });
    await append(log, entriesFrom(1, 10));
    assert.deepEqual(log.compact(10), [], 'the limit is not passed');
    await append(log, entriesFrom(11, 1));
    await compact(log, 3);
    assert.equal(log.start.index, 3);
    await append(log, entriesFrom(12, 3));
    await compact(log, 14);
    assert.equal(log.start.index, 9);
    const reopened = await openLog();
    assert.deepEqual(reopened.log.start, log.start);
    assert.deepEqual(
      reopened.entries.map(({ index }) => index),
      [10, 11, 12, 13, 14],
    );
    assert.equal(log.digestAt(9), undefined);
    assert.equal(log.digestAt(10)?.index, 10);
  });

  test('is compacted by bytes, also when one entry is larger than the limit', async () => {
    const { log } = await openLog({ entriesMax: 1e9, bytesMax: 1_000 });
    await append(log, [{ index: 1, term: 1, data: Buffer.alloc(5_000) }, ...entriesFrom(2, 3)]);
    await compact(log, 4);
    assert.equal(log.start.index, 1);
    assert.deepEqual(
      (await openLog()).entries.map(({ index }) => index),
      [2, 3, 4],
    );
  });

  test('deletes what it let go of a piece at a time, also after a restart in between', async () => {
    const { log } = await openLog({ entriesMax: 100, bytesMax: 1e9 });
    await append(log, entriesFrom(1, 3_000));
    await compact(log, 3_000);
    assert.equal(log.start.index, 2_950);
    assert.equal(await keysOnDisk(), 3_000 - 1_024);
    const { log: reopened, entries } = await openLog();
    assert.equal(entries.length, 50, 'dead entries are not read');
    for (const left of [3_000 - 2 * 1_024, 50, 50]) {
      await compact(reopened, 3_000);
      assert.equal(await keysOnDisk(), left);
    }
    assert.equal((await openLog()).entries.length, 50);
  });

  test('is refused without the record of where it begins', async () => {
    await database.write([{ type: 'del', key: Buffer.from('m') }], { sync: false });
    await assert.rejects(openLog(), /has lost the record of where the log begins/);
  });
});
