// SPDX-License-Identifier: Apache-2.0
// A start that serves before it has read all secrets: what it answers meanwhile, and how it ends where the disk is damaged.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test, type TestContext } from 'node:test';
import { Level } from 'level';
import type { CofferError } from '../../../src/common/index.ts';
import { type ReplicatedStore, systemClock } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { copyState, openTestStore, putValue, removeSecret, withStore } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';

const SECRETS = 300;
const ALL_NAMES = Array.from({ length: SECRETS }, (_, number) => `n-${number}`);
/** Every start reads its secrets in the background. */
const BACKGROUND = { secretsReadFirstMax: 0 };

let temporary: TemporaryDirectory;
let state: string;

beforeEach(async () => {
  temporary = temporaryDirectory();
  state = path.join(temporary.path, 'state');
  await withStore(state, async (store) => {
    await Promise.all(ALL_NAMES.map((name, number) => putValue(store, name, Buffer.from(`v-${number}`))));
  });
});
afterEach(() => temporary.remove());

const marker = (): string => path.join(state, 'damage-found');

/** Keeps every load from going on until the returned function is called. */
function holdLoads(t: TestContext): () => void {
  const held: (() => void)[] = [];
  const mock = t.mock.method(systemClock, 'defer', (callback: () => void) => held.push(callback));
  return () => {
    mock.mock.restore();
    held.splice(0).forEach((callback) => callback());
  };
}

type Records = Level<Buffer, Buffer>;

/** Changes records through LevelDB itself, so that every checksum is right. */
async function rewrite(directory: string, work: (records: Records) => Promise<void>): Promise<void> {
  const encoding = { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false };
  const records: Records = new Level<Buffer, Buffer>(path.join(directory, 'database'), encoding);
  await records.open();
  await work(records);
  await records.close();
}

async function stateRecords(records: Records, kind: string): Promise<[Buffer, Buffer][]> {
  const all = await records.iterator().all();
  return all.filter(
    ([key]) => key.toString('latin1', 0, 1) === 'g' && key.toString('latin1', 9, 10) === kind,
  );
}

function isReadable(store: ReplicatedStore, name: string): boolean {
  try {
    return store.byName(name) !== undefined;
  } catch (thrown) {
    assert.equal((thrown as CofferError).code, 'store.damaged');
    return false;
  }
}

/** Deletes one record of a kind of the state (`s` secrets, `n` names), and returns what puts it back. */
async function loseRecord(directory: string, kind: string, place: number): Promise<() => Promise<void>> {
  let lost: [Buffer, Buffer] | undefined;
  await rewrite(directory, async (records) => {
    lost = (await stateRecords(records, kind))[place];
    assert.ok(lost !== undefined);
    await records.del(lost[0]);
  });
  return () =>
    rewrite(directory, async (records) => {
      assert.ok(lost !== undefined);
      await records.put(lost[0], lost[1]);
    });
}

/** Opens a damaged store, which serves, and waits until it has found the damage. */
async function openUntilFault(directory: string, t: TestContext): Promise<CofferError> {
  const release = holdLoads(t);
  const faults: CofferError[] = [];
  const onFault = (error: CofferError): void => {
    assert.ok(
      existsSync(path.join(directory, 'damage-found')),
      'the marker comes before the end of the process',
    );
    faults.push(error);
  };
  const store = await openTestStore(directory, { ...BACKGROUND, onFault });
  assert.ok(store.byName('n-1') !== undefined, 'it serves');
  release();
  const [fault] = await waitFor(() => faults.length > 0 && faults, { what: 'the damage to be found' });
  await store.loaded();
  assert.throws(() => store.byName('n-1'), { code: 'store.faulted' });
  await store.close().catch(() => undefined);
  assert.equal(faults.length, 1);
  return fault ?? assert.fail('there is a fault');
}

async function assertRefused(directory: string): Promise<void> {
  await assert.rejects(openTestStore(directory, BACKGROUND), (error: CofferError) => {
    assert.equal(error.code, 'store.damaged');
    assert.match(error.hint ?? '', /put back a copy/);
    return true;
  });
}

async function assertWhole(store: ReplicatedStore): Promise<void> {
  await store.loaded();
  assert.equal(store.status().loaded_percent, undefined);
  assert.equal(store.list().length, store.status().secrets);
}

describe('a store that is opened before its index is loaded', () => {
  test('finds secrets by name and id, takes changes, and lists when it is done', async (t) => {
    const release = holdLoads(t);
    const store = await openTestStore(state, BACKGROUND);
    const status = store.status();
    assert.equal(status.secrets, SECRETS);
    assert.equal(typeof status.loaded_percent, 'number');
    const secret = store.byName('N-7') ?? assert.fail('n-7 is there');
    assert.equal(store.byId(secret.id), secret);
    assert.equal(store.readValue(secret.id, 1).expose().toString(), 'v-7');
    assert.equal(store.byName('never'), undefined);
    assert.throws(() => store.list(), { code: 'store.starting' });
    assert.throws(() => store.byEngineId('e'), { code: 'store.starting' });
    assert.equal((await putValue(store, 'n-8', Buffer.from('again'))).version, 2);
    assert.equal((await putValue(store, 'new', Buffer.from('value'))).version, 1);
    await removeSecret(store, 'n-9');
    assert.equal(store.byName('n-9'), undefined);
    assert.equal(store.status().secrets, SECRETS);
    release();
    await assertWhole(store);
    const names = new Set(store.list().map(({ name }) => name));
    assert.ok(names.has('new') && names.has('n-299') && !names.has('n-9'));
    assert.equal(store.byName('n-8')?.versions.length, 2);
    await store.close();
    await withStore(state, async (reopened) => {
      assert.deepEqual(new Set(reopened.list().map(({ name }) => name)), names);
    });
  });

  test('is closed in the middle of the load, and opens again', async (t) => {
    const release = holdLoads(t);
    const store = await openTestStore(state, BACKGROUND);
    await store.close();
    await store.loaded();
    assert.throws(() => store.list(), { code: 'store.closed' });
    release();
    await withStore(state, assertWhole, BACKGROUND);
  });

  test('is refused before it serves where its log or its checkpoint is not right', async () => {
    const older = copyState(state, temporary.path);
    await withStore(state, async (store) => {
      await putValue(store, 'n-1', Buffer.from('again'));
    });
    rmSync(path.join(state, 'database'), { recursive: true });
    renameSync(path.join(older, 'database'), path.join(state, 'database'));
    await assertRefused(state);
    await assertRefused(state);
    assert.ok(!existsSync(marker()), 'the next start is to find the same, and does');
  });

  test('reads all first where there are few secrets', async () => {
    const store = await openTestStore(state);
    assert.equal(store.status().loaded_percent, undefined);
    assert.equal(store.list().length, SECRETS);
    await store.close();
  });
});

describe('damage that is found while the index is loaded', () => {
  for (const [what, kind] of [
    ['secret', 's'],
    ['name', 'n'],
  ] as const) {
    test(`(a lost ${what}) ends the process; the next starts refuse, and one that finds all right serves`, async (t) => {
      const putBack = await loseRecord(state, kind, 5);
      const fault = await openUntilFault(state, t);
      assert.equal(fault.code, 'store.faulted');
      assert.match(fault.detail, /differ from the/);
      assert.match(readFileSync(marker(), 'utf8'), /differ from the/);
      await assertRefused(state);
      await assertRefused(state);
      assert.ok(existsSync(marker()));
      await putBack();
      await withStore(
        state,
        async (store) => {
          assert.equal(store.status().loaded_percent, undefined, 'it has read everything first');
          assert.equal(store.list().length, SECRETS);
        },
        BACKGROUND,
      );
      assert.ok(!existsSync(marker()));
      await withStore(state, assertWhole, BACKGROUND);
    });
  }

  test('by an entry that is applied ends the process in the same way', async (t) => {
    const release = holdLoads(t);
    await rewrite(state, async (records) => {
      // Not those that the load reads before it lets others have their turn.
      for (const [key, value] of (await stateRecords(records, 's')).slice(SECRETS / 2)) {
        value.writeUInt8(value.readUInt8(value.length - 1) ^ 1, value.length - 1);
        await records.put(key, value);
      }
    });
    const faults: CofferError[] = [];
    const store = await openTestStore(state, { ...BACKGROUND, onFault: (error) => faults.push(error) });
    const name = ALL_NAMES.find((each) => !isReadable(store, each)) ?? assert.fail('some are damaged');
    assert.equal(faults.length, 0, 'a read is refused, and no more');
    await assert.rejects(putValue(store, name, Buffer.from('again')), { code: 'store.faulted' });
    await waitFor(() => faults.length > 0, { what: 'the fault' });
    assert.ok(existsSync(marker()));
    await store.close().catch(() => undefined);
    release();
    await assertRefused(state);
  });

  test('by an entry that a start applies again is found by the next start', async () => {
    // A crash right after the acknowledgement: the log has entries that the state on the disk has not.
    const store = await openTestStore(state);
    await putValue(store, 'n-3', Buffer.from('again'));
    const crashed = copyState(state, temporary.path);
    await store.close();
    await rewrite(crashed, async (records) => {
      await records.batch((await stateRecords(records, 's')).map(([key]) => ({ type: 'del', key })));
    });
    await assertRefused(crashed);
    assert.ok(existsSync(path.join(crashed, 'damage-found')));
    await assertRefused(crashed);
  });
});
