// SPDX-License-Identifier: Apache-2.0
// What every `Database` promises, as one suite: LevelDB runs it, and so does the simulated disk.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Database, DatabaseOperation, DatabaseView, KeyRange } from '../../src/storage/index.ts';

/** One store for each test, which the test opens once or several times in turn. */
export interface DatabaseUnderTest {
  open(): Promise<Database>;
  /** Takes from a database that is open all that need not be durable, and makes it unusable. Absent where that cannot be done. */
  readonly powerCut?: () => Promise<void>;
  dispose(): Promise<void>;
}

const SYNC = { sync: true } as const;
const LOOSE = { sync: false } as const;
const ALL: KeyRange = { from: Buffer.alloc(0), before: Buffer.alloc(8, 0xff) };

const put = (key: string, value: string): DatabaseOperation => ({
  type: 'put',
  key: Buffer.from(key, 'latin1'),
  value: Buffer.from(value, 'latin1'),
});
const del = (key: string): DatabaseOperation => ({ type: 'del', key: Buffer.from(key, 'latin1') });

function get(view: DatabaseView, key: string): string | undefined {
  return view.get(Buffer.from(key, 'latin1'), 'the record')?.toString('latin1');
}

async function all(view: DatabaseView, range: KeyRange = ALL): Promise<readonly string[]> {
  const records: string[] = [];
  for await (const group of view.groups(range, 'the records')) {
    assert.ok(group.length > 0, 'no group is empty');
    records.push(...group.map(([key, value]) => `${key.toString('latin1')}=${value.toString('latin1')}`));
  }
  return records;
}

const textRange = (from: string, before: string): KeyRange => ({
  from: Buffer.from(from, 'latin1'),
  before: Buffer.from(before, 'latin1'),
});

/** Defines the tests of the database that `make` gives; those of a power cut only where one can be made. */
export function describeDatabase(
  name: string,
  make: () => DatabaseUnderTest,
  { powerCut = false }: { readonly powerCut?: boolean } = {},
): void {
  describe(`${name} as a database`, () => {
    let subject: DatabaseUnderTest;
    let database: Database;

    beforeEach(async () => {
      subject = make();
      database = await subject.open();
    });
    afterEach(async () => {
      await database.close();
      await subject.dispose();
    });

    test('gives what was written last under a key, and undefined for none', async () => {
      await database.write([put('a', '1'), put('b', '')], LOOSE);
      await database.write([put('a', '2')], LOOSE);
      assert.deepEqual(
        ['a', 'b', 'c'].map((key) => get(database, key)),
        ['2', '', undefined],
      );
      await database.write([del('a'), del('never')], LOOSE);
      assert.equal(get(database, 'a'), undefined);
    });

    test('takes the operations of one write in their order', async () => {
      await database.write([put('a', '1'), del('a'), put('b', '1'), put('b', '2'), del('c')], LOOSE);
      assert.deepEqual(await all(database), ['b=2']);
    });

    test('has copied what it was given by the time the call returns', async () => {
      const [key, value] = [Buffer.from('key'), Buffer.from('value')];
      const writing = database.write([{ type: 'put', key, value }], LOOSE);
      key.fill(0);
      value.fill(0);
      await writing;
      assert.deepEqual(await all(database), ['key=value']);
    });

    test('gives out copies: whoever reads may wipe', async () => {
      await database.write([put('a', 'value')], LOOSE);
      database.get(Buffer.from('a'), 'it')?.fill(0);
      for await (const group of database.groups(ALL, 'it')) {
        group.forEach(([, value]) => value.fill(0));
      }
      assert.equal(get(database, 'a'), 'value');
    });

    test('orders keys by their bytes, from one end of a range up to the other', async () => {
      const keys = ['', '\x00', '\x00\x00', 'a', 'a\x00', 'a\xff', 'aa', 'b', '\x7f', '\x80', '\xff'];
      await database.write(
        [...keys].reverse().map((key) => put(key === '' ? 'A' : key, '')),
        LOOSE,
      );
      const expected = ['\x00', '\x00\x00', 'A', 'a', 'a\x00', 'aa', 'a\xff', 'b', '\x7f', '\x80', '\xff'];
      assert.deepEqual(
        await all(database),
        expected.map((key) => `${key}=`),
      );
      assert.deepEqual(await all(database, textRange('a', 'b')), ['a=', 'a\x00=', 'aa=', 'a\xff=']);
      assert.deepEqual(await all(database, textRange('a\x00', 'a\xff')), ['a\x00=', 'aa=']);
      assert.deepEqual(await all(database, textRange('c', 'd')), []);
      assert.deepEqual(await all(database, textRange('b', 'a')), []);
    });

    test('gives a long range in groups, each of some kilobytes or one record', async () => {
      const large = 'x'.repeat(300_000);
      const operations = Array.from({ length: 2_000 }, (_, number) =>
        put(`k${String(number).padStart(5, '0')}`, number % 500 === 7 ? large : 'v'.repeat(50)),
      );
      await database.write(operations, LOOSE);
      let last = '';
      let count = 0;
      for await (const group of database.groups(ALL, 'it')) {
        const sizes = group.map(([key, value]) => key.length + value.length);
        const total = sizes.reduce((sum, size) => sum + size, 0);
        assert.ok(total - (sizes.at(-1) ?? 0) <= 64 * 1024, `a group of ${total} bytes`);
        for (const [key] of group) {
          assert.ok(key.toString() > last);
          last = key.toString();
          count += 1;
        }
      }
      assert.equal(count, 2_000);
    });

    test('goes through a range as it was when the first group was asked for', async () => {
      const operations = Array.from({ length: 1_000 }, (_, number) =>
        put(`k${1_000 + number}`, 'v'.repeat(50)),
      );
      await database.write(operations, LOOSE);
      const seen: string[] = [];
      for await (const group of database.groups(ALL, 'it')) {
        seen.push(...group.map(([key, value]) => `${key.toString()}=${value.length}`));
        await database.write([del('k1999'), put('k1998', ''), put(`z${seen.length}`, '')], LOOSE);
      }
      assert.deepEqual(
        seen,
        operations.map(({ key }) => `${key.toString()}=50`),
      );
    });

    test('may be left in the middle of a range', async () => {
      await database.write([put('a', '1'), put('b', '2')], LOOSE);
      for await (const [record] of database.groups(ALL, 'it')) {
        assert.equal(record?.[0].toString(), 'a');
        break;
      }
      await database.write([put('c', '3')], LOOSE);
      assert.deepEqual(await all(database), ['a=1', 'b=2', 'c=3']);
    });

    test('shows a point in time in a snapshot, however long it stays open', async () => {
      await database.write([put('a', '1'), put('b', '2')], LOOSE);
      const before = database.snapshot();
      await database.write([put('a', '9'), del('b'), put('c', '3')], LOOSE);
      const after = database.snapshot();
      await database.write([del('a'), del('c')], LOOSE);
      assert.deepEqual(await all(before), ['a=1', 'b=2']);
      assert.deepEqual([get(before, 'a'), get(before, 'b'), get(before, 'c')], ['1', '2', undefined]);
      assert.deepEqual(await all(after), ['a=9', 'c=3']);
      assert.deepEqual(await all(after, textRange('b', 'd')), ['c=3']);
      assert.deepEqual(await all(database), []);
      await before.close();
      assert.equal(get(after, 'a'), '9', 'each is closed by itself');
      await after.close();
    });

    test('gives nothing from a snapshot that is closed, which may be closed twice', async () => {
      await database.write([put('a', '1')], LOOSE);
      const snapshot = database.snapshot();
      await snapshot.close();
      await snapshot.close();
      assert.throws(() => get(snapshot, 'a'), { code: 'store.closed' });
      await assert.rejects(async () => all(snapshot), { code: 'store.closed' });
      assert.equal(get(database, 'a'), '1');
    });

    test('has one writer: a second write in flight is a bug, and the first one is not concerned', async () => {
      const first = database.write([put('a', '1')], SYNC);
      await assert.rejects(database.write([put('b', '2')], SYNC), { code: 'internal.invariant' });
      await first;
      await database.write([put('c', '3')], SYNC);
      assert.deepEqual(await all(database), ['a=1', 'c=3']);
    });

    test('reads while a write is in flight, and sees all of it or nothing', async () => {
      await database.write([put('a', '1'), put('b', '1')], LOOSE);
      const writing = database.write([put('a', '2'), put('b', '2')], SYNC);
      const seen = await all(database);
      assert.ok(seen.join() === 'a=1,b=1' || seen.join() === 'a=2,b=2', seen.join());
      await writing;
      assert.deepEqual(await all(database), ['a=2', 'b=2']);
    });

    test('gives and takes nothing any more once it is closed, which may be done twice', async () => {
      await database.write([put('a', '1')], LOOSE);
      const snapshot = database.snapshot();
      await database.close();
      await database.close();
      assert.throws(() => get(database, 'a'), { code: 'store.closed' });
      assert.throws(() => get(snapshot, 'a'), { code: 'store.closed' });
      assert.throws(() => database.snapshot(), { code: 'store.closed' });
      await assert.rejects(async () => all(database), { code: 'store.closed' });
      await assert.rejects(async () => all(snapshot), { code: 'store.closed' });
      await assert.rejects(async () => database.write([put('b', '2')], LOOSE), { code: 'store.closed' });
      await snapshot.close();
    });

    test('is there again when it is opened again', async () => {
      await database.write([put('a', '1'), put('b', '2')], SYNC);
      await database.write([del('b')], LOOSE);
      await database.close();
      database = await subject.open();
      assert.deepEqual(await all(database), ['a=1']);
    });

    if (!powerCut) {
      return;
    }

    test('keeps what was synced through a power cut, and of other writes each one whole or not at all', async () => {
      await database.write([put('a', '1'), put('b', '1')], SYNC);
      await database.write([put('a', '2'), put('b', '2'), put('c', '2')], LOOSE);
      await subject.powerCut?.();
      database = await subject.open();
      const found = (await all(database)).join();
      assert.ok(['a=1,b=1', 'a=2,b=2,c=2'].includes(found), found);
    });
  });
}
