// SPDX-License-Identifier: Apache-2.0
// Damage to the files of a store: it is named, at the start or at the read, and never becomes another value or a
// secret that is silently gone.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { Level } from 'level';
import { KEY_ID_BYTES } from '../../../src/crypto/index.ts';
import { DELIVERY_PAGES } from '../../../src/store/state/record-codec.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import {
  Acknowledged,
  copyState,
  openAndVerify,
  type Opening,
  openTestStore,
  withStore,
} from '../../support/test-store.ts';

const VALUE_BYTES_MAX = 511_999;
const PAGE_BYTES = 4_096;
/** How often each file is damaged in each random way. */
const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 12);

/** A state directory as a crash leaves it, with tables and a log, and one from before its last changes. */
interface Template {
  readonly state: string;
  /** The same store, closed: its log has nothing left to apply, which would mend some damage. */
  readonly closed: string;
  readonly acknowledged: Acknowledged;
  readonly older: string;
}

const random = new SeededRandom();
let temporary: TemporaryDirectory;
let template: Template;

before(async () => {
  temporary = temporaryDirectory();
  template = await makeTemplate(temporary.path);
});
after(() => temporary.remove());

async function makeTemplate(parent: string): Promise<Template> {
  const state = path.join(parent, 'template');
  const acknowledged = new Acknowledged();
  const limits = { logLimits: { entriesMax: 60, bytesMax: 200_000 } };
  await withStore(
    state,
    async (store) => {
      await acknowledged.put(store, 'largest', random.bytes(VALUE_BYTES_MAX));
      await Promise.all(
        Array.from({ length: 40 }, (_, number) =>
          acknowledged.put(store, `small-${number}`, random.bytes(1 + random.below(300))),
        ),
      );
    },
    limits,
  );
  await withStore(
    state,
    async (store) => {
      for (let version = 2; version <= 12; version += 1) {
        await acknowledged.put(store, 'small-0', random.bytes(20));
      }
      await acknowledged.put(store, 'middle', random.bytes(30_000));
      await acknowledged.remove(store, 'small-1');
      await acknowledged.deliver(store, 'small-0', 'task-1');
      // With the one that comes last, two records of deliveries.
      for (let task = 0; task < DELIVERY_PAGES.slots; task += 1) {
        await acknowledged.deliver(store, 'small-0', `early-${task}`);
      }
    },
    limits,
  );
  const older = copyState(state, parent);
  const store = await openTestStore(state, limits);
  await acknowledged.put(store, 'middle', random.bytes(40_000));
  await acknowledged.deliver(store, 'small-2', 'task-2');
  await Promise.all(
    Array.from({ length: 20 }, (_, number) => acknowledged.put(store, `late-${number}`, random.bytes(100))),
  );
  await acknowledged.remove(store, 'small-3');
  const crashed = copyState(state, parent);
  await store.close();
  return { state: crashed, closed: state, acknowledged, older };
}

const databaseFiles = (state: string): readonly string[] =>
  readdirSync(path.join(state, 'database')).map((name) => path.join('database', name));

/** The files of one kind; there is one at least. */
function filesOf(kind: string): readonly string[] {
  const all = [...databaseFiles(template.state), 'keys.json', 'checkpoint'];
  const files = all.filter((file) => path.basename(file).startsWith(kind) || file.endsWith(kind));
  // Of a database file that holds nothing, there is nothing to damage.
  const used = files.filter((file) => statSync(path.join(template.state, file)).size > 0);
  assert.ok(used.length > 0, `the template has a file ${kind}`);
  return used;
}

/** Opens a copy of the template that `damage` has changed, and holds what comes of it against what was acknowledged. */
async function openDamaged(
  damage: (state: string) => void | Promise<void>,
  undamaged: string = template.state,
): Promise<Opening> {
  const state = copyState(undamaged, temporary.path);
  try {
    await damage(state);
    const opening = await openAndVerify(state, template.acknowledged);
    if (opening.kind === 'refused') {
      // LevelDB mends what it opens by dropping it, so the second start is the harder one.
      const again = await openAndVerify(state, template.acknowledged);
      assert.equal(
        again.kind,
        'refused',
        `the second start refuses too; the first: ${opening.error.message}`,
      );
    }
    return opening;
  } finally {
    rmSync(path.dirname(state), { recursive: true });
  }
}

function change(state: string, file: string, edit: (content: Buffer) => void): void {
  const content = readFileSync(path.join(state, file));
  edit(content);
  writeFileSync(path.join(state, file), content);
}

const KINDS = ['CURRENT', 'MANIFEST', '.log', '.ldb', 'keys.json', 'checkpoint'];

/** Damages each file of a kind in one way, `ROUNDS` times, and returns how often it was noticed. */
async function damageEach(
  t: TestContext,
  kind: string,
  damage: (state: string, file: string, size: number) => string,
  rounds: number,
): Promise<number> {
  const noticed = { refused: 0, named: 0, harmless: 0 };
  for (const file of filesOf(kind)) {
    for (let round = 0; round < rounds; round += 1) {
      let how = '';
      try {
        const opening = await openDamaged((state) => {
          how = damage(state, file, statSync(path.join(state, file)).size);
        });
        noticed[opening.kind === 'refused' ? 'refused' : opening.damagedReads > 0 ? 'named' : 'harmless'] +=
          1;
      } catch (error) {
        throw new Error(`${file}: ${how} (${random.description})`, { cause: error });
      }
    }
  }
  t.diagnostic(`refused ${noticed.refused}, named by a read ${noticed.named}, harmless ${noticed.harmless}`);
  return noticed.refused + noticed.named;
}

describe('a store whose files are damaged', () => {
  test('the undamaged copy of a crash opens with all that was acknowledged', async (t) => {
    t.diagnostic(random.description);
    assert.deepEqual(await openDamaged(() => undefined), { kind: 'opened', damagedReads: 0 });
  });

  for (const kind of KINDS) {
    test(`a flipped bit or byte in ${kind}`, async (t) => {
      const noticed = await damageEach(
        t,
        kind,
        (state, file, size) => {
          const at = random.below(size);
          const mask = random.pick([1 << random.below(8), 1 + random.below(255)]);
          change(state, file, (content) => content.writeUInt8(content.readUInt8(at) ^ mask, at));
          return `byte ${at} of ${size} xor ${mask}`;
        },
        ROUNDS,
      );
      // The checkpoint has three slots, of which one counts; a flip in another is no damage.
      assert.ok(kind === 'checkpoint' || noticed > 0, 'some of them are noticed');
    });

    test(`${kind} with its tail cut off`, async (t) => {
      await damageEach(
        t,
        kind,
        (state, file, size) => {
          const length = random.pick([
            size - 1,
            size - 1 - random.below(Math.min(size, 200)),
            random.below(size),
          ]);
          truncateSync(path.join(state, file), Math.max(0, length));
          return `cut from ${size} to ${length}`;
        },
        Math.ceil(ROUNDS / 2),
      );
    });

    test(`${kind} with a page of zeros`, async (t) => {
      await damageEach(
        t,
        kind,
        (state, file, size) => {
          const start = random.below(Math.ceil(size / PAGE_BYTES)) * PAGE_BYTES;
          change(state, file, (content) => content.fill(0, start, Math.min(size, start + PAGE_BYTES)));
          return `zeros from ${start} of ${size}`;
        },
        Math.ceil(ROUNDS / 3),
      );
    });

    test(`${kind} emptied`, async (t) => {
      const noticed = await damageEach(
        t,
        kind,
        (state, file) => {
          truncateSync(path.join(state, file), 0);
          return 'emptied';
        },
        1,
      );
      assert.equal(noticed, filesOf(kind).length, 'every time it is noticed');
    });

    test(`${kind} deleted`, async (t) => {
      const noticed = await damageEach(
        t,
        kind,
        (state, file) => {
          rmSync(path.join(state, file));
          return 'deleted';
        },
        1,
      );
      assert.equal(noticed, filesOf(kind).length, 'every time it is noticed');
    });
  }
});

/** Changes records through LevelDB itself, as no flipped byte could: every checksum is right afterwards. */
async function rewrite(state: string, work: (level: Level<Buffer, Buffer>) => Promise<void>): Promise<void> {
  const level = new Level<Buffer, Buffer>(path.join(state, 'database'), {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
  });
  await level.open();
  await work(level);
  await level.close();
}

function openTampered(work: (level: Level<Buffer, Buffer>) => Promise<void>): Promise<Opening> {
  return openDamaged((state) => rewrite(state, work), template.closed);
}

/** The records of a kind. Of the log's, those that are not let go of already. */
async function recordsOf(level: Level<Buffer, Buffer>, prefix: string): Promise<[Buffer, Buffer][]> {
  const all = await level.iterator().all();
  const records = all.filter(([key]) => placeOf(key) === prefix);
  return prefix === 'l' ? records.slice(-10) : records;
}

/** What kind of record stands under a key: those of the state have their generation before it. */
function placeOf(key: Buffer): string {
  const place = key.toString('latin1', 0, 1);
  return place === 'g' ? key.toString('latin1', 9, 10) : place;
}

/** Every record of a copy of the database, by its key in hexadecimal. */
async function allRecords(state: string): Promise<ReadonlyMap<string, Buffer>> {
  let records: [Buffer, Buffer][] = [];
  await rewrite(copyState(state, temporary.path), async (level) => {
    records = await level.iterator().all();
  });
  return new Map(records.map(([key, record]) => [key.toString('hex'), record]));
}

/** Where each field of a record stands that is not sealed. */
const RECORD_HEAD = [
  ['format', 0, 1],
  ['id of the key', 1, 1 + KEY_ID_BYTES],
  ['nonce', 1 + KEY_ID_BYTES, 1 + KEY_ID_BYTES + 24],
] as const;

const PLACES = {
  identity: 'i',
  hardState: 'h',
  logStart: 'm',
  applied: 'a',
  entry: 'l',
  secret: 's',
  name: 'n',
  value: 'v',
  delivery: 'd',
  request: 'r',
};

describe('A33 a store whose records were tampered with', () => {
  for (const [what, prefix] of Object.entries(PLACES)) {
    test(`a deleted record: ${what}`, async () => {
      const opening = await openTampered(async (level) => {
        const [key] = random.pick(await recordsOf(level, prefix));
        await level.del(key);
      });
      assert.ok(opening.kind === 'refused' || opening.damagedReads === 1, JSON.stringify(opening));
    });
  }

  for (const prefix of ['l', 's', 'n', 'v', 'd', 'r']) {
    test(`two valid records under each other's keys: ${prefix}`, async () => {
      const opening = await openTampered(async (level) => {
        const records = await recordsOf(level, prefix);
        const [first, last] = [records[0], records.at(-1)];
        assert.ok(first !== undefined && last !== undefined && first !== last);
        await level.batch([
          { type: 'put', key: first[0], value: last[1] },
          { type: 'put', key: last[0], value: first[1] },
        ]);
      });
      assert.ok(opening.kind === 'refused' || opening.damagedReads === 2, JSON.stringify(opening));
    });
  }

  for (const [what, prefix] of Object.entries(PLACES)) {
    test(`a bit of what stands before the sealed part: ${what}`, async () => {
      for (const [field, from, before] of RECORD_HEAD) {
        const opening = await openTampered(async (level) => {
          const [key, record] = random.pick(await recordsOf(level, prefix));
          const at = from + random.below(before - from);
          record.writeUInt8(record.readUInt8(at) ^ (1 << random.below(8)), at);
          await level.put(key, record);
        });
        assert.ok(
          opening.kind === 'refused' || opening.damagedReads === 1,
          `${field}: ${JSON.stringify(opening)}`,
        );
      }
    });
  }

  test('an old record under its own key again', async (t) => {
    const old = await allRecords(template.older);
    const now = await allRecords(template.state);
    const changed = [...old].filter(([key, record]) => now.get(key)?.equals(record) === false);
    assert.ok(changed.length >= 3, 'several records have an older form');
    for (const [key, record] of changed) {
      const opening = await openDamaged((state) =>
        rewrite(state, (level) => level.put(Buffer.from(key, 'hex'), record)),
      );
      const place = placeOf(Buffer.from(key, 'hex'));
      t.diagnostic(
        `${place}: ${opening.kind === 'refused' ? opening.error.detail : 'opened with all there'}`,
      );
      assert.ok(opening.kind === 'refused' || opening.damagedReads === 0);
    }
  });

  test('a whole older database under a newer checkpoint', async () => {
    const opening = await openDamaged((state) => {
      rmSync(path.join(state, 'database'), { recursive: true });
      cpSync(path.join(template.older, 'database'), path.join(state, 'database'), { recursive: true });
    });
    assert.ok(opening.kind === 'refused');
    assert.equal(opening.error.code, 'store.damaged');
  });

  test('the database of another store', async () => {
    const other = path.join(temporary.path, 'other');
    await withStore(other, async () => undefined);
    for (const part of ['database', 'checkpoint', 'keys.json']) {
      const opening = await openDamaged((state) => {
        rmSync(path.join(state, part), { recursive: true });
        cpSync(path.join(other, part), path.join(state, part), { recursive: true });
      });
      assert.ok(opening.kind === 'refused', part);
      assert.equal(opening.error.code, 'store.damaged', part);
    }
  });
});
