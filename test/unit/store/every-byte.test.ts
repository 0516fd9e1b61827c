// SPDX-License-Identifier: Apache-2.0
// Every byte of a small store, one after another: damaged, or the last one that a crash left. The store opens with all
// that it acknowledged, or says what is wrong; it never gives another value, and never takes its process along.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Keyring } from '../../../src/crypto/index.ts';
import { DiskCheckpointFile, readKeyFile } from '../../../src/storage/index.ts';
import type { ReplicatedStore } from '../../../src/store/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../support/cleanup.ts';
import type { Damage, DamageVerdict, Expected } from '../../support/damage-opener.ts';
import { runDamages } from '../../support/damage-runner.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { buildTestProgram } from '../../support/program.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { pictureOf, type StorePicture } from '../../support/store-picture.ts';
import { openTestStore, putValue, removeSecret, withStore } from '../../support/test-store.ts';

const TASKS = ['task-1', 'task-2'];
const DELIVERED = 'delivered';
/** Cuts within older writes are like one another: one in so many, from a place that is drawn. */
const OLDER_CUTS_EVERY = 4;
const CHECKPOINT_SLOT_BYTES = 4_096;
const CHECKPOINT_SLOT_CONTENT_BYTES = 512;

const random = new SeededRandom();
let temporary: TemporaryDirectory;
let program: string;

/** A store as a crash leaves it, with a table and a log; and the moment before its last write. */
interface Template {
  /** The directory that the opener takes: the state, and what it may say. */
  readonly directory: string;
  readonly state: string;
  /** LevelDB's log, from the state directory. */
  readonly log: string;
  /** Where its last write begins. */
  readonly lastWriteAt: number;
}

let template: Template;

before(async () => {
  temporary = temporaryDirectory();
  program = await buildTestProgram('damage-opener');
  template = await makeTemplate(path.join(temporary.path, 'template'));
});
after(() => temporary.remove());

async function deliver(store: ReplicatedStore, taskId: string): Promise<void> {
  const secret = store.byName(DELIVERED);
  assert.ok(secret !== undefined);
  const deliveries = [deliveryOf(taskId, secret.id, secret.versions.at(-1)?.number ?? 0)];
  await store.propose({ kind: 'record-deliveries', deliveries });
}

async function makeTemplate(directory: string): Promise<Template> {
  const live = path.join(temporary.path, 'live');
  const limits = { logLimits: { entriesMax: 6, bytesMax: 10_000 } };
  await withStore(
    live,
    async (store) => {
      await putValue(store, DELIVERED, Buffer.from('the first value'));
      await putValue(store, 'gone', Buffer.from('removed later'));
      await deliver(store, 'task-1');
    },
    limits,
  );
  const store = await openTestStore(live, limits);
  await putValue(store, DELIVERED, Buffer.from('another value'));
  await removeSecret(store, 'gone');
  await deliver(store, 'task-2');
  await putValue(store, 'early', random.bytes(20));
  const state = path.join(directory, 'state');
  mkdirSync(directory);
  const earlier = pictureOf(store, TASKS, DELIVERED);
  const [log = ''] = readdirSync(path.join(live, 'database')).filter((name) => name.endsWith('.log'));
  const lastWriteAt = statSync(path.join(live, 'database', log)).size;
  cpSync(path.join(live, 'checkpoint'), path.join(directory, 'checkpoint-before'));
  await putValue(store, 'late', random.bytes(20));
  cpSync(live, state, { recursive: true });
  const later = pictureOf(store, TASKS, DELIVERED);
  await store.close();
  assert.deepEqual(Object.keys(later.secrets), [DELIVERED, 'early', 'late']);
  assert.deepEqual(Object.keys(later.secrets[DELIVERED] ?? {}), ['1', '2']);
  assert.deepEqual(later.deliveries, { 'task-1': 1, 'task-2': 2 });
  expectPictures(directory, later, earlier);
  return { directory, state, log: path.join('database', log), lastWriteAt };
}

/** The first picture is that of all that was acknowledged. */
function expectPictures(directory: string, ...pictures: readonly StorePicture[]): void {
  const expected: Expected = { pictures, tasks: TASKS, delivered: DELIVERED };
  writeFileSync(path.join(directory, 'expected.json'), JSON.stringify(expected));
}

/** The files of the state, but for those that LevelDB makes anew whenever it opens a database. */
function filesOf(state: string): readonly string[] {
  const anew = new Set(['LOCK', 'LOG', 'LOG.old']);
  return readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !anew.has(entry.name))
    .map((entry) => path.relative(state, path.join(entry.parentPath, entry.name)))
    .sort();
}

const sizeOf = (file: string): number => statSync(path.join(template.state, file)).size;

/** Whether a byte of the checkpoint file is within a slot's content: the rest only fills the pages. */
const isWithinSlot = (at: number): boolean => at % CHECKPOINT_SLOT_BYTES < CHECKPOINT_SLOT_CONTENT_BYTES;

function describeDamage(damage: Damage): string {
  return damage.kind === 'flip'
    ? `byte ${damage.at} of ${damage.file} xor ${damage.mask}`
    : `${damage.file} cut to ${damage.length}`;
}

/** Opens the store once for each damage, and returns the verdicts; one that is wrong fails the test. */
async function open(t: TestContext, damages: readonly Damage[]): Promise<readonly DamageVerdict[]> {
  t.diagnostic(random.description);
  const verdicts = await runDamages(program, template.directory, damages);
  const counts = { refused: 0, opened: 0, 'named by a read': 0, wrong: 0 };
  const wrong: string[] = [];
  for (const [number, verdict] of verdicts.entries()) {
    const damage = damages[number];
    counts[verdict.kind === 'opened' && verdict.damaged > 0 ? 'named by a read' : verdict.kind] += 1;
    if (verdict.kind === 'wrong' && damage !== undefined) {
      wrong.push(`${describeDamage(damage)}: ${verdict.why}`);
    }
  }
  t.diagnostic(
    Object.entries(counts)
      .map(([what, count]) => `${what} ${count}`)
      .join(', '),
  );
  assert.equal(wrong.length, 0, wrong.slice(0, 5).join('\n'));
  return verdicts;
}

describe('a small store', { concurrency: 1 }, () => {
  test('has a table, a log, a manifest, keys and a checkpoint to damage, and opens as it is', async (t) => {
    const files = filesOf(template.state);
    for (const kind of [/CURRENT$/, /MANIFEST-\d+$/, /\.log$/, /\.ldb$/, /^keys\.json$/, /^checkpoint$/]) {
      assert.ok(
        files.some((file) => kind.test(file) && sizeOf(file) > 0),
        String(kind),
      );
    }
    t.diagnostic(files.map((file) => `${file} ${sizeOf(file)}`).join(', '));
    const [verdict] = await open(t, [{ kind: 'cut', file: template.log, length: sizeOf(template.log) }]);
    assert.deepEqual(verdict, { kind: 'opened', picture: 0, damaged: 0 });
  });

  test('A32: opens with all but its last write, or with all, wherever a crash cut that write off', async (t) => {
    const damages = offsets(template.lastWriteAt, sizeOf(template.log)).map(
      (length): Damage => ({ kind: 'cut', file: template.log, length, checkpoint: 'checkpoint-before' }),
    );
    const verdicts = await open(t, damages);
    assert.ok(verdicts.every((verdict) => verdict.kind === 'opened' && verdict.damaged === 0));
    const pictures = verdicts.map((verdict) => (verdict.kind === 'opened' ? verdict.picture : -1));
    assert.equal(pictures[0], 1, 'without any of it, the last write is not there');
    assert.deepEqual(
      pictures,
      [...pictures].sort((one, other) => other - one),
      'once it is there, it stays',
    );
  });

  test('A32: is refused, or opens with all, at whatever byte of its last write, or many before, its newest file was cut off after it was acknowledged', async (t) => {
    const drawn = random.below(OLDER_CUTS_EVERY);
    const damages = offsets(0, sizeOf(template.log))
      .filter((at) => at === 0 || at >= template.lastWriteAt || at % OLDER_CUTS_EVERY === drawn)
      .map((length): Damage => ({ kind: 'cut', file: template.log, length }));
    t.diagnostic(`${damages.length} cuts`);
    const verdicts = await open(t, damages);
    assert.ok(
      verdicts.every(
        (verdict) => verdict.kind === 'refused' || (verdict.kind === 'opened' && verdict.picture === 0),
      ),
    );
    assert.ok(verdicts[0]?.kind === 'refused', 'what was acknowledged is missed');
    const vague = verdicts.filter(
      (verdict) => verdict.kind === 'refused' && verdict.code !== 'store.damaged',
    );
    assert.deepEqual(vague, [], 'it is said what is wrong');
  });

  test('B22: is refused, names what it lost, or is whole, with any byte of any file altered', async (t) => {
    const damages = filesOf(template.state).flatMap((file) =>
      offsets(0, sizeOf(file))
        .filter((at) => file !== 'checkpoint' || isWithinSlot(at))
        .map((at): Damage => ({ kind: 'flip', file, at, mask: 1 + random.below(255) })),
    );
    t.diagnostic(`${damages.length} bytes`);
    const verdicts = await open(t, damages);
    assert.ok(verdicts.every((verdict) => verdict.kind !== 'opened' || verdict.picture === 0));
    const refused = (pattern: RegExp): readonly boolean[] =>
      verdicts.flatMap(({ kind }, number) =>
        pattern.test(damages[number]?.file ?? '') ? [kind === 'refused'] : [],
      );
    for (const pattern of [
      /keys\.json$/,
      /^database.*CURRENT$/,
      /^database.*MANIFEST/,
      /^database.*\.log$/,
      /\.ldb$/,
    ]) {
      const noticed = refused(pattern);
      const count = noticed.filter((each) => each).length;
      t.diagnostic(`${String(pattern)}: ${count} of ${noticed.length} refused`);
      assert.ok(
        count > 0.9 * noticed.length,
        `${String(pattern)}: ${count} of ${noticed.length} are refused`,
      );
    }
    assert.ok(
      refused(/^lock/).every((each) => !each),
      'nothing is in the lock that would be missed',
    );
  });

  test('gives its newest checkpoint, or an older one, or none, with any byte of that file altered', async () => {
    const keyFile = await readKeyFile(path.join(template.state, 'keys.json'));
    assert.ok(keyFile !== undefined);
    const file = path.join(temporary.path, 'checkpoint');
    const content = readFileSync(path.join(template.state, 'checkpoint'));
    writeFileSync(file, content);
    const newest = await readCheckpoint(file, keyFile.keyring);
    assert.ok(newest !== undefined);
    const filled = Buffer.from(content.map((byte, at) => (isWithinSlot(at) ? byte : 0xff)));
    writeFileSync(file, filled);
    assert.deepEqual(
      await readCheckpoint(file, keyFile.keyring),
      newest,
      'what only fills the pages is not read',
    );
    for (const at of offsets(0, content.length).filter(isWithinSlot)) {
      const altered = Buffer.from(content);
      altered.writeUInt8(altered.readUInt8(at) ^ (1 << random.below(8)), at);
      writeFileSync(file, altered);
      const found = await readCheckpoint(file, keyFile.keyring);
      const isNewest = isDeepStrictEqual(found, newest);
      assert.ok(isNewest || found === undefined || found.lastIndex <= newest.lastIndex, `byte ${at}`);
    }
  });
});

function offsets(from: number, before: number): readonly number[] {
  return Array.from({ length: before - from }, (_, offset) => from + offset);
}

/** Undefined if the file is refused; any other failure is one of the test. */
async function readCheckpoint(
  file: string,
  keyring: Keyring,
): Promise<Awaited<ReturnType<typeof DiskCheckpointFile.open>>['checkpoint'] | undefined> {
  try {
    const opened = await DiskCheckpointFile.open(file, keyring);
    await opened.file.close();
    return opened.checkpoint;
  } catch (thrown) {
    assert.match(String(thrown), /store\.damaged/);
    return undefined;
  }
}
