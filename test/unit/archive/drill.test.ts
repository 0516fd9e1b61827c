// SPDX-License-Identifier: Apache-2.0
// Drills on real stores: what passes, what does not and why, and that nothing is left of any of them.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { beginBackup, Drills, type DrillSummary } from '../../../src/archive/index.ts';
import {
  type BackedUpSecret,
  type BackupRecord,
  ExactReader,
  openBackup,
} from '../../../src/backup/index.ts';
import { CofferError, silentLogger } from '../../../src/common/index.ts';
import type { SealingKeyObject } from '../../../src/membership/index.ts';
import { newSealingKey } from '../../../src/sealing/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { putValue } from '../../support/test-store.ts';

const KEY = Buffer.alloc(32, 0x5a);
const NOW_MS = Date.UTC(2026, 0, 15);

let temporary: TemporaryDirectory;
let store: MemoryStore;
let drills: Drills;
let state: string;
let sandboxes: string;
/** The sandbox's own timers keep no process alive. */
let alive: NodeJS.Timeout;

/** What drills have left. */
function left(): readonly string[] {
  return readdirSync(sandboxes);
}

beforeEach(() => {
  alive = setInterval(() => undefined, 1_000);
  temporary = temporaryDirectory();
  state = path.join(temporary.path, 'state');
  sandboxes = path.join(temporary.path, 'sandboxes');
  mkdirSync(state);
  mkdirSync(sandboxes);
  store = new MemoryStore();
  drills = new Drills({
    stateDirectory: state,
    monotonic_ms: () => performance.now(),
    logger: silentLogger,
    places: { inMemory: [sandboxes], onDisk: sandboxes },
  });
});
afterEach(() => {
  clearInterval(alive);
  assert.deepEqual(left(), [], 'nothing is left of the sandbox');
  assert.deepEqual(readdirSync(state), [], 'nor in the real state directory');
  temporary.remove();
});

async function payload(): Promise<Buffer> {
  const { chunks } = await beginBackup(store, { payloadKey: KEY, version: '1', createdAt_ms: NOW_MS });
  const pieces: Buffer[] = [];
  for await (const chunk of chunks) {
    pieces.push(chunk);
  }
  return Buffer.concat(pieces);
}

function records(bytes: Buffer): AsyncIterable<BackupRecord> {
  return openBackup(KEY, new ExactReader(Readable.from([bytes])));
}

function run(
  source: AsyncIterable<BackupRecord>,
  signal = new AbortController().signal,
): Promise<DrillSummary> {
  return drills.run(source, { size_bytes: 1_000, signal });
}

/** The drill sees the labels that it has, and the restore others: as if they were lost on the way. */
function withOtherLabelsLater(secret: BackedUpSecret): BackedUpSecret {
  let looks = 0;
  return {
    ...secret,
    get labels() {
      looks += 1;
      return looks === 1 ? secret.labels : { other: 'label' };
    },
  };
}

function anotherEachTime(key: SealingKeyObject): SealingKeyObject {
  let looks = 0;
  return {
    ...key,
    get secretKey() {
      looks += 1;
      return Buffer.alloc(32, looks);
    },
  };
}

describe('a drill', () => {
  test('restores all secrets with all versions and labels, reads them again, and says how much that was', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    let [versions, values_bytes] = [0, 0];
    for (let number = 0; number < 40; number += 1) {
      for (let version = 0; version <= number % 4; version += 1) {
        const value = random.bytes(1 + random.below(5_000));
        await putValue(store, `name-${number}`, value);
        versions += 1;
        values_bytes += value.length;
      }
    }
    const { id = '' } = store.byName('name-7') ?? {};
    await store.propose({
      kind: 'set-labels',
      id,
      labels: { z: '1', a: '2' },
      expectIndex: undefined,
      at_ms: 7,
    });
    const summary = await run(records(await payload()));
    assert.deepEqual(summary.problems, []);
    const { passed, secrets, clusterId, createdAt_ms } = summary;
    assert.deepEqual([passed, secrets, summary.versions], [true, 40, versions]);
    assert.deepEqual([summary.values_bytes, createdAt_ms], [values_bytes, NOW_MS]);
    assert.equal(clusterId, 'c'.repeat(25));
    assert.ok(summary.duration_ms > 0);
  });

  test('of a file that was altered, cut or put together anew says no, and why', async () => {
    await putValue(store, 'large', Buffer.alloc(200_000, 1));
    await putValue(store, 'small', Buffer.from('value'));
    const whole = await payload();
    const altered = Buffer.from(whole);
    altered.writeUInt8(altered.readUInt8(100_000) ^ 1, 100_000);
    for (const [bytes, why] of [
      [altered, /^the backup was altered in chunk 1, at byte/],
      [whole.subarray(0, -5), /^the backup was cut off after byte/],
      [Buffer.concat([whole, whole]), /^the backup goes on after its end/],
      [Buffer.alloc(0), /^the backup was cut off after byte 0/],
    ] as const) {
      const { passed, problems } = await run(records(bytes));
      assert.equal(passed, false);
      assert.match(problems[0] ?? '', why);
    }
  });

  test('notices what is not the same after the restore, by name', async () => {
    await putValue(store, 'kept', Buffer.from('value'));
    await putValue(store, 'changed', Buffer.from('value'));
    const bytes = await payload();
    async function* altering(): AsyncGenerator<BackupRecord> {
      for await (const record of records(bytes)) {
        yield record.kind === 'secret' && record.secret.name === 'changed'
          ? { ...record, secret: withOtherLabelsLater(record.secret) }
          : record;
      }
    }
    const { passed, problems } = await run(altering());
    assert.equal(passed, false);
    assert.deepEqual(problems, ['changed: not the same after the restore']);
  });

  test('restores the sealing keys, and notices one that is not the same then', async () => {
    const key = newSealingKey('c'.repeat(25), 1_000);
    const next = newSealingKey('c'.repeat(25), 2_000);
    const made = { kind: 'sealing-key', active: true } as const;
    await store.propose({ kind: 'add-sealing-key', key: { ...key, ...made }, after: '' });
    await store.propose({ kind: 'add-sealing-key', key: { ...next, ...made }, after: key.id });
    const bytes = await payload();
    assert.deepEqual((await run(records(bytes))).problems, []);
    async function* altering(): AsyncGenerator<BackupRecord> {
      for await (const record of records(bytes)) {
        yield record.kind === 'sealing-key' && record.key.id === key.id
          ? { ...record, key: anotherEachTime(record.key) }
          : record;
      }
    }
    const { problems } = await run(altering());
    assert.deepEqual(problems, [`sealing key ${key.id}: not the same after the restore`]);
  });

  test('is one at a time', async () => {
    await putValue(store, 'name', Buffer.from('value'));
    const bytes = await payload();
    const first = run(records(bytes));
    await assert.rejects(run(records(bytes)), /a drill is under way already/);
    assert.equal((await first).passed, true);
    assert.equal((await run(records(bytes))).passed, true);
  });

  test('that is given up in the middle ends, and leaves nothing', async () => {
    await putValue(store, 'name', Buffer.from('value'));
    const bytes = await payload();
    const controller = new AbortController();
    async function* interrupted(): AsyncGenerator<BackupRecord> {
      for await (const record of records(bytes)) {
        if (record.kind === 'value') {
          const [sandbox = ''] = left();
          assert.equal(statSync(path.join(sandboxes, sandbox)).mode & 0o777, 0o700);
          controller.abort();
        }
        yield record;
      }
    }
    await assert.rejects(run(interrupted(), controller.signal), { name: 'AbortError' });
    await drills.ended();
    assert.deepEqual(left(), []);
  });

  test('whose process was killed is cleared away by the next one, and nothing else is', async () => {
    const sandbox = path.join(state, 'coffer-drill-abc');
    const other = path.join(state, 'other');
    for (const directory of [sandbox, other]) {
      mkdirSync(directory);
      writeFileSync(path.join(directory, 'keys.json'), 'a key');
    }
    const note = path.join(state, 'drill-directory');
    writeFileSync(note, other);
    await drills.clean();
    assert.equal(readFileSync(path.join(other, 'keys.json'), 'utf8'), 'a key');
    writeFileSync(note, sandbox);
    await drills.clean();
    assert.deepEqual(readdirSync(state), ['other']);
    rmSync(other, { recursive: true });
  });

  test('for which there is no room is none, and says nothing about the backup', async () => {
    await putValue(store, 'name', Buffer.from('value'));
    const { signal } = new AbortController();
    await assert.rejects(drills.run(records(await payload()), { size_bytes: 2 ** 50, signal }), {
      code: 'backup.drill',
    });
  });

  test('whose backup cannot be read for another reason says so', async () => {
    async function* broken(): AsyncGenerator<BackupRecord> {
      yield* [];
      throw new CofferError('store.faulted', 'the disk does not answer');
    }
    const { passed, problems } = await run(broken());
    assert.equal(passed, false);
    assert.deepEqual(problems, [
      'the sandbox could not take it, which says nothing about the backup itself: the disk does not answer',
    ]);
  });
});
