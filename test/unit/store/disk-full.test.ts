// SPDX-License-Identifier: Apache-2.0
// A full disk: refused before it does harm; and when it does, the store stops at once and has lost nothing.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { SmallDisk, whyNoSmallDisk } from '../../support/small-disk.ts';
import { Acknowledged, copyState, openTestStore, withStore } from '../../support/test-store.ts';

const MEBIBYTE = 1024 * 1024;
const DISK_BYTES = 48 * MEBIBYTE;

const skip = whyNoSmallDisk() ?? false;

describe('a store on a disk that is full', { skip }, () => {
  const random = new SeededRandom();
  let temporary: TemporaryDirectory;
  let disk: SmallDisk;
  let state: string;
  let acknowledged: Acknowledged;

  beforeEach(() => {
    temporary = temporaryDirectory();
    disk = new SmallDisk(temporary.path, DISK_BYTES);
    state = path.join(disk.path, 'state');
    acknowledged = new Acknowledged();
  });
  afterEach(() => {
    disk.unmount();
    temporary.remove();
  });

  /** Stores values until one is refused, and returns that error. */
  async function fillUp(
    store: Awaited<ReturnType<typeof openTestStore>>,
    prefix: string,
  ): Promise<CofferError> {
    for (let number = 0; number < 1_000; number += 1) {
      try {
        await acknowledged.put(store, `${prefix}-${number}`, random.bytes(60_000));
      } catch (thrown) {
        assert.ok(thrown instanceof CofferError);
        return thrown;
      }
    }
    return assert.fail('the disk is never full');
  }

  test('refuses new values while its reserve is left, and goes on reading and removing', async (t) => {
    t.diagnostic(random.description);
    // Each look at the disk counts as a new one, so that no test has to wait for the next.
    let clock_ms = 0;
    const overrides = { diskReserve_bytes: 16 * MEBIBYTE, monotonic_ms: () => (clock_ms += 1_000) };
    await withStore(
      state,
      async (store) => {
        await acknowledged.put(store, 'before', random.bytes(400_000));
        disk.fill(20 * MEBIBYTE);
        const error = await fillUp(store, 'filling');
        assert.equal(error.code, 'store.disk-full');
        assert.ok(error.hint !== undefined);
        assert.ok(disk.free_bytes > 8 * MEBIBYTE, 'the reserve is still there');
        assert.equal(acknowledged.verify(store), 0);
        await acknowledged.remove(store, 'filling-0');
        assert.equal(acknowledged.verify(store), 0);
        assert.equal((await fillUp(store, 'again')).code, 'store.disk-full');

        disk.free();
        await acknowledged.put(store, 'afterwards', random.bytes(400_000));
        assert.equal(acknowledged.verify(store), 0);
      },
      overrides,
    );
    await withStore(state, async (store) => assert.equal(acknowledged.verify(store), 0), overrides);
  });

  test('stops for good when LevelDB itself runs into it, and loses nothing', async (t) => {
    t.diagnostic(random.description);
    const faults: CofferError[] = [];
    const store = await openTestStore(state, {
      diskReserve_bytes: Number.NEGATIVE_INFINITY,
      onFault: (error) => faults.push(error),
    });
    await acknowledged.put(store, 'before', random.bytes(100_000));
    disk.fill(2 * MEBIBYTE);
    const first = await fillUp(store, 'filling');
    assert.equal(first.code, 'store.faulted');
    assert.equal(faults.length, 1);
    // LevelDB would take the next writes, and lose them.
    disk.free();
    assert.equal((await fillUp(store, 'later')).code, 'store.faulted');
    assert.throws(() => store.byName('before'), { code: 'store.faulted' });
    assert.throws(() => store.list(), { code: 'store.faulted' });
    await assert.rejects(store.readBarrier(1), { code: 'store.faulted' });
    assert.equal(faults.length, 1, 'the fault is told once');
    // The process ends here; what it would leave is what its directory holds now.
    const crashed = copyState(state, temporary.path);
    await store.close();
    for (const directory of [crashed, state]) {
      await withStore(directory, async (reopened) => {
        const unacknowledged = reopened.list().filter(({ name }) => !acknowledged.names.includes(name));
        assert.ok(unacknowledged.length <= 1, 'only the write that failed may be there as well');
        for (const { id } of unacknowledged) {
          await reopened.propose({ kind: 'remove', id });
        }
        assert.equal(acknowledged.verify(reopened), 0);
        await reopened.readBarrier(1_000);
      });
    }
  });

  test('a start on a full disk is refused with a reason, tells no fault, and succeeds once there is space', async () => {
    const overrides = { diskReserve_bytes: MEBIBYTE };
    await withStore(
      state,
      async (store) => acknowledged.put(store, 'before', random.bytes(100_000)),
      overrides,
    );
    disk.fill(0);
    const error = await openTestStore(state).then(
      () => assert.fail('there is no room to open it'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof CofferError);
    assert.equal(error.code, 'store.faulted');
    assert.ok(error.hint?.includes('space'));
    disk.free();
    await withStore(state, async (store) => assert.equal(acknowledged.verify(store), 0));
  });

  test('a first start on a full disk leaves nothing that hinders the next', async () => {
    mkdirSync(state);
    for (const free_bytes of [0, 4_096, 20_000, 60_000]) {
      disk.fill(free_bytes);
      const failed = await openTestStore(state).then(
        (store) => store.close(),
        (thrown: unknown) => thrown,
      );
      assert.ok(failed === undefined || (failed instanceof CofferError && failed.code === 'store.faulted'));
      disk.free();
    }
    await withStore(state, async (store) => acknowledged.put(store, 'first', random.bytes(10)), {
      diskReserve_bytes: MEBIBYTE,
    });
  });
});
