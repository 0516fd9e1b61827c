// SPDX-License-Identifier: Apache-2.0
// A31, A34: which keys a store opens with, before a rotation of the data key, after it and in the middle, and what a failure leaves.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import { dataKey, Keyring } from '../../../src/crypto/index.ts';
import { KeyFileSeal, readKeyFile, writeFileAtomically, writeKeyFile } from '../../../src/storage/index.ts';
import { DataKeyRotation } from '../../../src/store/data-key-rotation.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { aroundEveryWrite, CrashRecorder } from '../../support/crash-recorder.ts';
import { present } from '../../support/present.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { StillClock } from '../../support/still-clock.ts';
import {
  Acknowledged,
  copyState,
  openAndVerify,
  openTestStore,
  withStore,
} from '../../support/test-store.ts';

let temporary: TemporaryDirectory;
let state: string;
let random: SeededRandom;
let acknowledged: Acknowledged;
let alive: NodeJS.Timeout;

beforeEach(() => {
  // The store's own timers keep no process alive.
  alive = setInterval(() => undefined, 1_000);
  temporary = temporaryDirectory();
  state = path.join(temporary.path, 'state');
  random = new SeededRandom();
  acknowledged = new Acknowledged();
});
afterEach(() => {
  clearInterval(alive);
  temporary.remove();
});

/** A store with some secrets, closed. */
async function fill(): Promise<void> {
  await withStore(state, async (store) => {
    for (let number = 0; number < 60; number += 1) {
      await acknowledged.put(store, `name-${number}`, random.bytes(40 + random.below(3_000)));
    }
  });
}

async function keyringOf(directory: string): Promise<Keyring> {
  return present(await readKeyFile(path.join(directory, 'keys.json')), 'there are keys').keyring;
}

/** A copy of a store that has the keys of this keyring and no others. */
async function withKeys(from: string, keyring: Keyring): Promise<string> {
  const copy = copyState(from, temporary.path);
  await writeKeyFile(path.join(copy, 'keys.json'), { keyring, initialized: true });
  return copy;
}

async function assertRefused(directory: string): Promise<void> {
  const database = path.join(directory, 'database');
  const before = contentOf(database);
  const opening = await openAndVerify(directory, acknowledged);
  assert.ok(opening.kind === 'refused');
  assert.equal(opening.error.code, 'store.damaged');
  assert.equal(contentOf(database), before, 'nothing of what is stored was changed');
}

/** The tables and logs, which hold all that is stored. */
function contentOf(database: string): string {
  return readdirSync(database)
    .filter((name) => /\.(?:ldb|log)$/.test(name))
    .map((name) => path.join(database, name))
    .map((file) => `${file} ${statSync(file).size} ${readFileSync(file, 'hex')}`)
    .join('\n');
}

async function assertOpens(directory: string): Promise<void> {
  assert.deepEqual(await openAndVerify(directory, acknowledged), { kind: 'opened', damagedReads: 0 });
}

describe('A31 what a store has on its disk', () => {
  test('opens with no other keys, and is left as it was by whoever tries them', async () => {
    await fill();
    const own = await keyringOf(state);
    const other = new Keyring(dataKey(random.bytes(32)), [dataKey(random.bytes(32))], own.indexKey);
    await assertRefused(await withKeys(state, other));
    await assertRefused(await withKeys(state, new Keyring(own.active, [], random.bytes(32))));
    await assertOpens(await withKeys(state, own));
  });

  test('is never half of a change, whichever record could not be sealed', async (t) => {
    t.diagnostic(random.description);
    await fill();
    let failing = 0;
    for (let met = true; met; failing += 1) {
      met = false;
      const copy = copyState(state, temporary.path);
      let onFault: (error: CofferError) => void = () => undefined;
      const faulted = new Promise<CofferError>((resolve) => {
        onFault = resolve;
      });
      const store = await openTestStore(copy, { onFault });
      const original: unknown = Reflect.get(Keyring.prototype, 'seal');
      const seal = original as (place: Buffer, payload: Buffer) => Buffer;
      let sealed = 0;
      t.mock.method(Keyring.prototype, 'seal', function (this: Keyring, place: Buffer, payload: Buffer) {
        sealed += 1;
        if (sealed === failing + 1) {
          met = true;
          throw new CofferError('internal.invariant', 'it cannot be sealed');
        }
        return Reflect.apply(seal, this, [place, payload]);
      });
      const tried = new Acknowledged();
      const outcome = await Promise.allSettled([
        tried.put(store, 'name-1', random.bytes(100)),
        tried.put(store, 'one-more', random.bytes(100)),
      ]);
      if (met) {
        assert.ok(outcome.some(({ status }) => status === 'rejected') || (await faulted) !== undefined);
      }
      t.mock.restoreAll();
      await store.close().catch(() => undefined);
      await withStore(copy, async (opened) => {
        for (const name of acknowledged.names) {
          const secret = present(opened.byName(name), `${name} is there`);
          secret.versions.forEach(({ number }) => opened.readValue(secret.id, number));
        }
        const added = opened.byName('one-more');
        assert.ok(met || added !== undefined);
        assert.ok(added === undefined || opened.readValue(added.id, 1).expose().length === 100);
      });
    }
    t.diagnostic(`${failing - 1} records were sealed for two changes`);
    assert.ok(failing > 4);
  });
});

describe('A34 after a rotation of the data key', () => {
  test('the old key alone opens nothing, and the new one alone opens all', async () => {
    await fill();
    const old = await keyringOf(state);
    await withStore(state, (store) => store.dataKey.rotate());
    const now = await keyringOf(state);
    await assertRefused(await withKeys(state, old));
    await assertOpens(await withKeys(state, now));
    const both = new Keyring(now.active, [old.active], now.indexKey);
    await assertOpens(await withKeys(state, both));
  });

  test('that a crash has cut off in the middle, both keys are needed, and either may be the active one', async (t) => {
    t.diagnostic(random.description);
    await fill();
    const copy = copyState(state, temporary.path);
    const recorder = new CrashRecorder({
      state: copy,
      parent: temporary.path,
      random,
      known: () => undefined,
    });
    await withStore(copy, async (store) => {
      const restore = aroundEveryWrite(recorder.around);
      await store.dataKey.rotate().finally(restore);
    });
    const batches = recorder.moments.filter(({ what }) => /^after .*batch$/.test(what));
    const middle = present(batches[batches.length >> 1], 'it takes several batches').state;
    const { active, indexKey, retired } = await keyringOf(middle);
    const [old] = retired;
    assert.ok(old !== undefined && retired.length === 1);
    await assertRefused(await withKeys(middle, new Keyring(old, [], indexKey)));
    await assertRefused(await withKeys(middle, new Keyring(active, [], indexKey)));
    await assertOpens(await withKeys(middle, new Keyring(active, [old], indexKey)));
    await assertOpens(await withKeys(middle, new Keyring(old, [active], indexKey)));
  });
});

describe('A34 a rotation of the data key that fails', () => {
  test('for want of room keeps both keys and says why, and is ended once there is room', async () => {
    await fill();
    const old = await keyringOf(state);
    await withStore(
      state,
      async (store) => {
        await assert.rejects(store.dataKey.rotate(), { code: 'store.disk-full' });
        assert.equal(store.dataKey.status.problem?.code, 'store.disk-full');
        acknowledged.verify(store);
      },
      { diskReserve_bytes: Number.MAX_SAFE_INTEGER },
    );
    assert.equal((await keyringOf(state)).all().length, 2);
    await withStore(state, async (store) => {
      await store.dataKey.settled();
      acknowledged.verify(store);
      assert.equal(store.dataKey.status.problem, undefined);
    });
    const now = await keyringOf(state);
    assert.deepEqual([now.all().length, now.find(old.active.id)], [1, undefined]);
  });

  for (const write of [1, 2]) {
    test(`at write ${write} of the key file loses no key${write === 1 ? '' : ', and is tried again by itself'}`, async () => {
      const file = path.join(temporary.path, 'keys.json');
      const keyring = new Keyring(dataKey(random.bytes(32)), [], random.bytes(32));
      const { active: old } = keyring;
      await writeKeyFile(file, { keyring, initialized: true });
      let writes = 0;
      const seal = new KeyFileSeal({
        file,
        keyring,
        seal: { version: 0, unlockKeyId: undefined },
        write: async (to, content) => {
          writes += 1;
          if (writes === write) {
            throw new Error('EIO');
          }
          await writeFileAtomically(to, content);
        },
      });
      const clock = new StillClock();
      const rotation = new DataKeyRotation({
        keyring,
        seal,
        clock,
        replica: { reseal: async () => undefined },
        logger: silentLogger,
      });
      await assert.rejects(rotation.rotate(), /EIO/);
      assert.match(rotation.status.problem?.detail ?? '', /EIO/);
      const written = present(await readKeyFile(file), 'there are keys').keyring;
      assert.ok(written.find(old.id) !== undefined && keyring.find(old.id) === old, 'the old key is there');
      assert.deepEqual(written.active, keyring.active, 'and what is in use is on the disk');
      assert.equal(written.all().length, write);
      clock.advance(60_000);
      await rotation.settled();
      if (write === 2) {
        assert.equal(rotation.status.problem, undefined);
        assert.deepEqual(
          present(await readKeyFile(file), 'there are keys').keyring.all(),
          [keyring.active],
          'the old key is gone',
        );
        assert.deepEqual(old.bytes, Buffer.alloc(32), 'in memory too');
      }
      await rotation.rotate();
      rotation.close();
      assert.equal(present(await readKeyFile(file), 'there are keys').keyring.all().length, 1);
    });
  }
});
