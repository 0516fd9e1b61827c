// SPDX-License-Identifier: Apache-2.0
// A rotation of the data key that is cut off at each of its writes, and in each of them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { readKeyFile } from '../../../src/storage/index.ts';
import type { ReplicatedStore } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { aroundEveryWrite, type CrashMoment, CrashRecorder } from '../../support/crash-recorder.ts';
import { present } from '../../support/present.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { copyState, openTestStore, putValue, withStore } from '../../support/test-store.ts';

const SECRETS = 40;
const VALUE_BYTES_MAX = 3_000;

type Values = ReadonlyMap<string, Buffer>;

let temporary: TemporaryDirectory;
let template: string;
let values: Map<string, Buffer>;
let random: SeededRandom;
let alive: NodeJS.Timeout;

beforeEach(async () => {
  // The store's own timers keep no process alive.
  alive = setInterval(() => undefined, 1_000);
  temporary = temporaryDirectory();
  template = path.join(temporary.path, 'template');
  values = new Map();
  random = new SeededRandom();
  await withStore(template, async (store) => {
    for (let number = 0; number < SECRETS; number += 1) {
      await put(store, `name-${number}`);
    }
  });
});
afterEach(() => {
  clearInterval(alive);
  temporary.remove();
});

async function put(store: ReplicatedStore, name: string): Promise<void> {
  const value = random.bytes(1 + random.below(VALUE_BYTES_MAX));
  await putValue(store, name, value);
  values.set(name, value);
}

interface Keys {
  readonly active: string;
  readonly count: number;
}

async function keysOf(state: string): Promise<Keys> {
  const { keyring } = present(await readKeyFile(path.join(state, 'keys.json')), 'there are keys');
  const keys = { active: keyring.active.id.toString('hex'), count: keyring.all().length };
  keyring.wipe();
  return keys;
}

/** Each record names the key that it is sealed under. */
function filesThatName(state: string, keyId: string): readonly string[] {
  return readdirSync(state, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(state, name))
    .filter((file) => statSync(file).isFile())
    .filter((file) => {
      const content = readFileSync(file);
      return content.includes(Buffer.from(keyId, 'hex')) || content.includes(keyId);
    });
}

function assertHolds(store: ReplicatedStore, known: Values): void {
  for (const [name, value] of known) {
    const secret = present(store.byName(name), `${name} is there`);
    const { number } = present(secret.versions.at(-1), `${name} has a version`);
    assert.ok(store.readValue(secret.id, number).expose().equals(value), `${name} has its value`);
  }
}

/** The next start has all that was acknowledged, ends the rotation if it was begun, and needs no key but one from then on. */
async function assertNextStart(state: string, known: Values, old: string): Promise<void> {
  const before = await keysOf(state);
  const begun = before.active !== old;
  assert.equal(before.count > 1 && !begun, false, 'a rotation is begun by one write');
  await withStore(state, async (store) => {
    assertHolds(store, known);
    await store.dataKey.settled();
    const { id, problem } = store.dataKey.status;
    assert.equal(problem, undefined);
    assert.equal(id, before.active);
    await putValue(store, 'afterwards', Buffer.from('it takes more'));
  });
  assert.deepEqual(await keysOf(state), { active: before.active, count: 1 });
  assert.deepEqual(begun ? filesThatName(state, old) : [], [], 'the old key is named nowhere');
  await withStore(state, async (store) => assertHolds(store, known));
}

async function assertAllSurvive(moments: readonly CrashMoment<Values>[], old: string): Promise<void> {
  for (const { known, state, what } of moments) {
    try {
      await assertNextStart(state, known, old);
    } catch (cause) {
      throw new Error(`after a crash ${what}`, { cause });
    }
  }
}

/** A copy of the template, whose writes are recorded while `work` is done with its store. */
async function recorded(
  from: string,
  work: (store: ReplicatedStore) => Promise<void>,
): Promise<readonly CrashMoment<Values>[]> {
  const state = copyState(from, temporary.path);
  const recorder = new CrashRecorder({
    state,
    parent: temporary.path,
    random,
    known: () => new Map(values),
  });
  await withStore(state, async (store) => {
    const restore = aroundEveryWrite(recorder.around);
    try {
      await work(store);
    } finally {
      restore();
    }
  });
  return recorder.moments;
}

describe('a rotation of the data key that a crash meets', () => {
  test('at any write, and in it, is ended by the next start, which has all that was acknowledged', async (t) => {
    t.diagnostic(random.description);
    const { active: old } = await keysOf(template);
    const moments = await recorded(template, async (store) => {
      const rotation = store.dataKey.rotate();
      for (let number = 0; number < 3; number += 1) {
        await put(store, `meanwhile-${number}`);
      }
      await rotation;
    });
    const kinds = new Set(moments.map(({ what }) => what.replace(/^.* of a /, '')));
    for (const kind of ['batch', 'checkpoint write', 'compaction', 'key file']) {
      assert.ok(kinds.has(kind), `a crash meets a ${kind}`);
    }
    t.diagnostic(`${moments.length} moments`);
    await assertAllSurvive(moments, old);
  });

  test('while the start after an earlier crash goes on with it, is ended all the same', async (t) => {
    t.diagnostic(random.description);
    const { active: old } = await keysOf(template);
    const first = await recorded(template, (store) => store.dataKey.rotate());
    const batches = first.filter(({ what }) => what.startsWith('after') && what.endsWith('batch'));
    const middle = present(batches[batches.length >> 1], 'there are batches');
    assert.ok((await keysOf(middle.state)).count === 2);
    const copy = copyState(middle.state, temporary.path);
    const recorder = new CrashRecorder({ state: copy, parent: temporary.path, random, known: () => values });
    const restore = aroundEveryWrite(recorder.around);
    await withStore(copy, (store) => store.dataKey.settled()).finally(restore);
    t.diagnostic(`${recorder.moments.length} moments`);
    // LevelDB's own files as a start has found them stand beside, until it has verified them.
    await assertAllSurvive(recorder.moments, old);
  });
});

describe('a rotation of the data key of which a write fails', () => {
  const WAYS = ['refused', 'done and reported as failed'] as const;
  for (const way of WAYS) {
    test(`whichever it is, and ${way}: the next start ends it`, async (t) => {
      t.diagnostic(random.description);
      const { active: old } = await keysOf(template);
      let failing = 0;
      for (let met = true; met; failing += 1) {
        const state = copyState(template, temporary.path);
        let onFault: (error: CofferError) => void = () => undefined;
        const faulted = new Promise<void>((resolve) => {
          onFault = () => resolve();
        });
        const store = await openTestStore(state, { onFault });
        let writes = 0;
        met = false;
        const restore = aroundEveryWrite(async (_kind, write) => {
          writes += 1;
          if (writes === failing + 1) {
            met = true;
            if (way !== 'refused') {
              await write();
            }
            throw new CofferError('store.faulted', 'EIO');
          }
          await write();
        });
        await Promise.race([store.dataKey.rotate().catch(() => undefined), faulted]);
        restore();
        await store.close().catch(() => undefined);
        await assertNextStart(state, values, old);
      }
      t.diagnostic(`${failing - 1} writes`);
      assert.ok(failing > 10);
    });
  }
});
