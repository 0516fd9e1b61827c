// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { readKeyFile } from '../../../src/storage/index.ts';
import type { ReplicatedStore } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { waitFor } from '../../support/wait-for.ts';
import { openTestStore, putValue, removeSecret, withStore } from '../../support/test-store.ts';

const SECRETS = 300;
const ROTATIONS = 30;

let temporary: TemporaryDirectory;
let state: string;
/** The store's own timers keep no process alive. */
let alive: NodeJS.Timeout;

beforeEach(() => {
  alive = setInterval(() => undefined, 1_000);
  temporary = temporaryDirectory();
  state = path.join(temporary.path, 'state');
});
afterEach(() => {
  clearInterval(alive);
  temporary.remove();
});

/** Each record names the key that it is sealed under; so does the file of keys. */
function filesThatName(keyId: string): readonly string[] {
  const files = readdirSync(state, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(state, name))
    // LevelDB may be removing some just now.
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true);
  assert.ok(files.length > 4, 'there are files to search');
  return files.filter((file) => {
    const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    return content.includes(Buffer.from(keyId, 'hex')) || content.includes(keyId);
  });
}

function assertHolds(store: ReplicatedStore, values: ReadonlyMap<string, Buffer>): void {
  for (const [name, value] of values) {
    const secret = store.byName(name);
    const version = secret?.versions.at(-1)?.number;
    assert.ok(secret !== undefined && version !== undefined, `${name} is there`);
    assert.ok(store.readValue(secret.id, version).expose().equals(value), `${name} has its value`);
  }
}

describe('the rotation of a data key', () => {
  test('leaves nothing on the disk that opens with the old key, and all secrets under the new one', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const values = new Map<string, Buffer>();
    const store = await openTestStore(state);
    try {
      for (let number = 0; number < SECRETS; number += 1) {
        const value = random.bytes(1 + random.below(2_000));
        values.set(`name-${number}`, value);
        await putValue(store, `name-${number}`, value);
      }
      await putValue(store, 'removed', random.bytes(100));
      await removeSecret(store, 'removed');
      const { id: before } = store.dataKey.status;
      assert.ok(filesThatName(before).length >= 3, 'keys, checkpoint and database');
      await store.dataKey.rotate();
      const { id: after } = store.dataKey.status;
      assert.notEqual(after, before);
      assert.deepEqual(filesThatName(before), []);
      assertHolds(store, values);
    } finally {
      await store.close();
    }
    await withStore(state, async (opened) => assertHolds(opened, values));
  });

  test(`A35: goes on ${ROTATIONS} times under load with restarts in between, and loses nothing`, async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const values = new Map<string, Buffer>();
    const ids = new Set<string>();
    for (let restart = 0; restart < ROTATIONS / 5; restart += 1) {
      await withStore(state, async (store) => {
        const load = new AbortController();
        const writer = async (): Promise<void> => {
          for (let number = 0; !load.signal.aborted; number += 1) {
            const [name, value] = [`r${restart}-${number % 50}`, random.bytes(1 + random.below(300))];
            await putValue(store, name, value);
            values.set(name, value);
          }
        };
        const writing = writer();
        for (let rotation = 0; rotation < 5; rotation += 1) {
          ids.add(store.dataKey.status.id);
          await store.dataKey.rotate();
        }
        load.abort();
        await writing;
        assertHolds(store, values);
      });
    }
    assert.equal(ids.size, ROTATIONS);
    await withStore(state, async (store) => {
      assertHolds(store, values);
      for (const id of ids) {
        assert.deepEqual(filesThatName(id), [], 'no key of before is named on the disk');
      }
    });
  });

  test('keeps the old key for as long as somebody reads what was sealed under it', async () => {
    await withStore(state, async (store) => {
      const values = new Map(['a', 'b', 'c'].map((name) => [name, Buffer.from(`value of ${name}`)]));
      for (const [name, value] of values) {
        await putValue(store, name, value);
      }
      const { id } = store.dataKey.status;
      const records = store.exportSecrets()[Symbol.asyncIterator]();
      const first = await records.next();
      assert.ok(first.done !== true && first.value.kind === 'begin');
      let rotated = false;
      const rotation = store.dataKey.rotate().then(() => (rotated = true));
      // The reader is at its beginning while everything is sealed anew.
      await waitFor(() => (store.dataKey.status.resealed ?? 0) > values.size, {
        what: 'records sealed anew',
      });
      const read: string[] = [];
      for (let next = await records.next(); next.done !== true; next = await records.next()) {
        if (next.value.kind === 'value') {
          read.push(next.value.bytes.toString());
        }
        assert.equal(rotated, false);
      }
      assert.deepEqual(read.sort(), [...values.values()].map(String).sort());
      await rotation;
      assert.deepEqual(filesThatName(id), []);
    });
  });

  test('of a store whose log was let go of leaves nothing of a removed value under any key, also after a restart', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const size_bytes = 400_000;
    const onDisk = (): number =>
      readdirSync(state, { recursive: true, encoding: 'utf8' })
        .map((name) => statSync(path.join(state, name), { throwIfNoEntry: false }))
        .reduce((sum, file) => sum + (file?.isFile() === true ? file.size : 0), 0);
    await withStore(state, async (store) => {
      await putValue(store, 'kept', Buffer.from('value'));
      await putValue(store, 'leaked', random.bytes(size_bytes));
      await removeSecret(store, 'leaked');
      await store.dataKey.rotate();
      assert.ok(onDisk() > size_bytes, 'a rotation alone seals what the log holds anew');
      const { appliedIndex } = store.status();
      await store.replica.forgetLog(appliedIndex);
      await store.dataKey.rotate();
      assert.ok(onDisk() < size_bytes);
      assert.equal(store.status().firstIndex, appliedIndex + 1);
    });
    await withStore(state, async (store) => {
      assertHolds(store, new Map([['kept', Buffer.from('value')]]));
      await putValue(store, 'more', Buffer.from('more'));
    });
    await withStore(state, async (store) => assertHolds(store, new Map([['more', Buffer.from('more')]])));
  });

  test('that two ask for at once is made twice, one after the other', async () => {
    await withStore(state, async (store) => {
      await putValue(store, 'name', Buffer.from('value'));
      const { id } = store.dataKey.status;
      await Promise.all([store.dataKey.rotate(), store.dataKey.rotate()]);
      assert.deepEqual(filesThatName(id), []);
      assertHolds(store, new Map([['name', Buffer.from('value')]]));
    });
  });

  test('that an earlier process has left unfinished is finished by the next one', async () => {
    const keys = path.join(state, 'keys.json');
    let before = '';
    const store = await openTestStore(state);
    await putValue(store, 'name', Buffer.from('value'));
    before = store.dataKey.status.id;
    // The process ends when the new key is durable, and before anything is sealed anew.
    void store.dataKey.rotate().catch(() => undefined);
    while (store.dataKey.status.id === before) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await store.close();
    const left = await readKeyFile(keys);
    assert.equal(left?.keyring.all().length, 2);
    await withStore(state, async (opened) => {
      await opened.dataKey.settled();
      assert.deepEqual(filesThatName(before), []);
      assertHolds(opened, new Map([['name', Buffer.from('value')]]));
    });
    assert.equal((await readKeyFile(keys))?.keyring.all().length, 1);
  });
});
