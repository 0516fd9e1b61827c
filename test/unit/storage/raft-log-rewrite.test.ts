// SPDX-License-Identifier: Apache-2.0
// What a cluster adds to the log: a leader that replaces its end, entries that are read back for followers that are
// behind, and a snapshot after which it begins anew.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Entry, entrySize } from '../../../src/raft/index.ts';
import type { RaftLog } from '../../../src/storage/index.ts';
import { entryKey } from '../../../src/storage/places.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { entriesFrom, LogHarness, WIDE } from './log-harness.ts';

describe('a log in a cluster', () => {
  let harness: LogHarness;

  beforeEach(async () => {
    harness = await LogHarness.make();
  });
  afterEach(() => harness.close());

  const textsOf = (entries: readonly Entry[]): readonly string[] =>
    entries.map(({ index, term, data }) => `${index}/${term} ${data.toString()}`);

  async function assertOnDisk(log: RaftLog, expected: readonly Entry[]): Promise<void> {
    const reopened = await harness.openLog();
    assert.deepEqual(textsOf(reopened.entries), textsOf(expected));
    assert.deepEqual(reopened.log.mark, log.mark);
    assert.deepEqual(reopened.log.start, log.start);
    assert.deepEqual(
      await harness.indexesOnDisk(),
      expected.map(({ index }) => index),
    );
  }

  describe('whose end a leader replaces', () => {
    test('holds the new entries, and nothing of what came after them, in one batch', async () => {
      const { log } = await harness.openLog();
      const old = entriesFrom(1, 10);
      await harness.append(log, old);
      const fresh = entriesFrom(4, 2, 3, 'other');
      await harness.append(log, fresh);
      assert.equal(log.last.index, 5);
      assert.equal(log.positionAt(6), undefined);
      await assertOnDisk(log, [...old.slice(0, 3), ...fresh]);
    });

    test('may get entries of an older term than those it had', async () => {
      const { log } = await harness.openLog();
      await harness.append(log, [...entriesFrom(1, 2, 1), ...entriesFrom(3, 3, 5)]);
      const fresh = [...entriesFrom(3, 1, 2, 'other'), ...entriesFrom(4, 1, 6, 'other')];
      await harness.append(log, fresh);
      await assertOnDisk(log, [...entriesFrom(1, 2, 1), ...fresh]);
    });

    test('may be replaced whole, but not below where it begins', async () => {
      const { log } = await harness.openLog({ entriesMax: 4, bytesMax: 1e9 });
      await harness.append(log, entriesFrom(1, 6));
      await harness.compact(log, 6);
      assert.equal(log.start.index, 4);
      assert.throws(() => log.append(entriesFrom(4, 1, 2)), { code: 'internal.invariant' });
      await harness.append(log, entriesFrom(5, 1, 2, 'other'));
      await assertOnDisk(log, entriesFrom(5, 1, 2, 'other'));
    });

    test('counts each time that it gave way, so that a shorter log is not taken for a lost one', async () => {
      const { log } = await harness.openLog();
      await harness.append(log, entriesFrom(1, 3));
      assert.equal(log.mark.logRewrites, 0);
      await harness.append(log, entriesFrom(4, 1));
      assert.equal(log.mark.logRewrites, 0, 'it only grew');
      await harness.append(log, entriesFrom(2, 1, 2));
      await harness.append(log, entriesFrom(2, 1, 3));
      const { index: lastIndex, term: lastTerm, digest: lastDigest } = log.last;
      assert.deepEqual(log.mark, { lastIndex, lastTerm, lastDigest, logRewrites: 2 });
      assert.equal((await harness.openLog()).log.mark.logRewrites, 2);
    });

    test('is the same as one that was written so from the beginning', async (t) => {
      const random = new SeededRandom();
      t.diagnostic(random.description);
      const { log } = await harness.openLog();
      let model: Entry[] = [];
      for (let term = 1; term <= 120; term += 1) {
        const first = model.length + 1 - random.below(Math.min(model.length, 12) + 1);
        const entries = entriesFrom(first, 1 + random.below(10), term, `term ${term}`);
        model = [...model.slice(0, first - 1), ...entries];
        // Both halves in one batch: the core may hand out two appends before the first one is written.
        const cut = random.below(entries.length + 1);
        const [head, tail] = [log.append(entries.slice(0, cut)), log.append(entries.slice(cut))];
        await harness.write([...head, ...tail]);
      }
      await assertOnDisk(log, model);
      const clean = await LogHarness.make();
      const { log: straight } = await clean.openLog();
      straight.append(model);
      assert.deepEqual(straight.last, log.last, 'the chain is the same');
      await clean.close();
    });
  });

  describe('of which a follower asks', () => {
    test('gives what is in memory before it is on the disk, and the same from the disk once it is released', async () => {
      const { log } = await harness.openLog();
      const entries = entriesFrom(1, 8);
      const operations = log.append(entries);
      assert.deepEqual(log.entries(1, 9, Infinity), entries);
      await harness.write(operations);
      log.release(5);
      entries.slice(0, 5).forEach(({ data }) => data.fill(0));
      assert.deepEqual(textsOf(log.entries(1, 9, Infinity)), textsOf(entriesFrom(1, 8)));
      assert.equal(log.entries(6, 7, Infinity)[0], entries[5], 'what is not released is not read');
    });

    test('keeps in memory what its reader kept at the start, and reads the rest back', async () => {
      const first = await harness.openLog();
      await harness.append(first.log, entriesFrom(1, 4));
      const { log, entries } = await harness.openLog(WIDE, true);
      assert.equal(log.entries(2, 3, Infinity)[0], entries[1]);
      const dropped = await harness.openLog(WIDE, false);
      assert.ok(dropped.entries.every(({ data }) => data.every((byte) => byte === 0)));
      assert.deepEqual(textsOf(dropped.log.entries(1, 5, Infinity)), textsOf(entriesFrom(1, 4)));
    });

    test('gives as many as fit, the first one even if it does not', async () => {
      const { log } = await harness.openLog();
      const entries = entriesFrom(1, 5);
      await harness.append(log, entries);
      const size = entries.slice(0, 2).reduce((sum, entry) => sum + entrySize(entry), 0);
      assert.equal(log.entries(1, 6, size).length, 2);
      assert.equal(log.entries(1, 6, size - 1).length, 1);
      assert.equal(log.entries(1, 6, 0).length, 1);
      assert.equal(log.entries(3, 3, 1_000).length, 0);
      assert.equal(log.entries(2, 4, 1_000).length, 2);
    });

    test('is not asked for what it does not have', async () => {
      const { log } = await harness.openLog({ entriesMax: 4, bytesMax: 1e9 });
      await harness.append(log, entriesFrom(1, 6));
      await harness.compact(log, 6);
      assert.throws(() => log.entries(4, 6, 1), { code: 'internal.invariant' });
      assert.throws(() => log.entries(5, 8, 1), { code: 'internal.invariant' });
    });

    test('forgets what is in memory of entries that were replaced or compacted', async () => {
      const { log } = await harness.openLog({ entriesMax: 4, bytesMax: 1e9 });
      await harness.append(log, entriesFrom(1, 4));
      const fresh = entriesFrom(2, 4, 2, 'other');
      await harness.append(log, fresh);
      assert.deepEqual(log.entries(2, 6, Infinity), fresh);
      await harness.compact(log, 5);
      assert.deepEqual(log.entries(log.start.index + 1, 6, Infinity), fresh.slice(-2));
    });

    test('names the entry that is not what it was when it is read back', async () => {
      const { log } = await harness.openLog();
      await harness.append(log, entriesFrom(1, 4));
      const good = harness.database.get(entryKey(3), 'an entry') ?? Buffer.alloc(0);
      log.release(4);
      const altered = Buffer.from(good).fill(0xff, good.length - 1);
      await harness.write([{ type: 'put', key: entryKey(3), value: altered }]);
      assert.equal(log.entries(1, 3, Infinity).length, 2, 'others are not concerned');
      assert.throws(() => log.entries(2, 4, Infinity), /store\.damaged.*entry 3 of the log was altered/);
      await harness.write([{ type: 'del', key: entryKey(3) }]);
      assert.throws(() => log.entries(2, 4, Infinity), /store\.damaged.*lost entry 3 of the log/);
    });

    test('does not believe an entry that was sealed for that place and follows, but says something else', async () => {
      const { log } = await harness.openLog();
      await harness.append(log, entriesFrom(1, 4));
      const fork = await harness.openLog();
      const [, third] = fork.log.append(entriesFrom(3, 1, 1, 'forged'));
      assert.ok(third?.type === 'put' && third.key.equals(entryKey(3)));
      log.release(4);
      await harness.write([third]);
      assert.throws(
        () => log.entries(3, 4, Infinity),
        /store\.damaged.*entry 3 of the log is not the one that this node has written/,
      );
    });
  });

  describe('that begins anew after a snapshot', () => {
    const position = (index: number, term = 7): { index: number; term: number; digest: Buffer } => ({
      index,
      term,
      digest: Buffer.alloc(32, index),
    });

    test('B24: holds nothing, and goes on from the position with the chain that the others have', async () => {
      const { log } = await harness.openLog();
      await harness.append(log, entriesFrom(1, 5));
      await harness.reset(log, position(100));
      assert.deepEqual([log.start, log.last], [position(100), position(100)]);
      assert.deepEqual(log.positionAt(100), position(100));
      assert.equal(log.positionAt(5), undefined);
      assert.equal(log.mark.logRewrites, 1);
      await harness.append(log, entriesFrom(101, 3, 7));
      const reopened = await harness.openLog();
      assert.deepEqual(reopened.log.mark, log.mark);
      assert.deepEqual(textsOf(reopened.entries), textsOf(entriesFrom(101, 3, 7)));
    });

    test('deletes what came after the position at once, and the rest a piece at a time', async () => {
      const { log } = await harness.openLog();
      await harness.append(log, entriesFrom(1, 2_000));
      await harness.compact(log, 0);
      await harness.reset(log, position(1_500));
      assert.deepEqual(
        await harness.indexesOnDisk(),
        Array.from({ length: 1_500 }, (_, at) => at + 1),
      );
      await harness.append(log, entriesFrom(1_501, 2, 8));
      await harness.compact(log, 1_502);
      assert.equal((await harness.indexesOnDisk()).length, 1_502 - 1_024 - 2 * 2);
      const reopened = await harness.openLog();
      assert.equal(reopened.entries.length, 2, 'those before it are dead');
      await harness.compact(reopened.log, 1_502);
      assert.deepEqual(await harness.indexesOnDisk(), [1_501, 1_502]);
    });

    test('does not delete the entries in between that it never had', async () => {
      const { log } = await harness.openLog();
      await harness.append(log, entriesFrom(1, 3));
      await harness.reset(log, position(1_000_000));
      assert.equal(log.compact(1_000_000).length, 3);
      assert.equal(log.compact(1_000_000).length, 0);
    });

    test('after dead entries of before, keeps both in mind', async () => {
      const { log } = await harness.openLog({ entriesMax: 1_000, bytesMax: 1e9 });
      await harness.append(log, entriesFrom(1, 4_000));
      await harness.compact(log, 4_000);
      await harness.reset(log, position(9_000));
      await harness.append(log, entriesFrom(9_001, 1_200, 7));
      for (let round = 0; round < 5; round += 1) {
        await harness.compact(log, 10_200);
      }
      assert.equal(log.start.index, 9_700);
      assert.deepEqual(
        await harness.indexesOnDisk(),
        Array.from({ length: 500 }, (_, at) => 9_701 + at),
      );
    });

    test('never begins before what it let go of', async () => {
      const { log } = await harness.openLog();
      await harness.reset(log, position(10));
      assert.throws(() => log.reset(position(9)), { code: 'internal.invariant' });
    });
  });
});
