// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../../crypto/index.ts';
import type { Database, DatabaseOperation, KeyRange } from '../../storage/index.ts';
import { paced } from '../snapshot/paced.ts';
import type { AppendWriter } from './append-writer.ts';
import { type Clock, pause } from './clock.ts';
import type { SpaceGuard } from './disk-space.ts';

/** Every key of the database begins with a letter. */
const ALL: KeyRange = { from: Buffer.alloc(1), before: Buffer.from([0xff]) };
const WHAT = 'a record that is to be sealed anew';
/** What a record takes until LevelDB has let go of the old one. */
const DISK_BYTES_PER_BYTE = 4;
/** So many records are sealed without a look at how long that has taken by now: about a millisecond. */
const RECORDS_PER_STEP = 16;
/** What is written at once. Each batch is synced, and each of its records is looked at once more while nothing else is written. */
const BATCH_RECORDS = 128;
const BATCH_BYTES = 64 * 1024;
/** How often the files are rewritten until nothing of an old key is in them, and what is waited for before the second time. */
const REWRITES_MAX = 6;
const REWRITE_AGAIN_MS = 100;

/** A record as it was found, and the same under the active key. */
interface Renewed {
  readonly key: Buffer;
  readonly before: Buffer;
  readonly value: Buffer;
}

export interface ResealOptions {
  readonly database: Database;
  readonly keyring: Keyring;
  readonly writer: Pick<AppendWriter, 'flushed' | 'writeAsOf' | 'renewCheckpoint'>;
  readonly clock: Clock;
  readonly diskSpace: SpaceGuard;
  /** Resolves when nothing is read in the background any more: a reader may hold what was sealed before. */
  readonly loaded: () => Promise<void>;
  /** Called with how many records were sealed anew so far. */
  readonly onProgress: (records: number) => void;
}

/**
 * Seals everything on the disk under the active key, beside all that is going on, and resolves when no file holds anything
 * that a key opens which is retired by now. A crash leaves records under both. Throws `store.disk-full` if there is no room,
 * `store.damaged` for a record that does not open, and `store.busy` if the files cannot be rid of what was sealed before.
 */
export async function reseal(options: ResealOptions): Promise<void> {
  const { clock, keyring, loaded, onProgress, writer } = options;
  const retired = keyring.retired.map(({ id }) => id);
  await loaded();
  // What was sealed before and not yet written is on the disk then, so that one look at all of it is enough.
  await writer.flushed();
  let records = 0;
  for await (const batch of batchesOf(paced(renewedRecords(options), clock))) {
    await writer.writeAsOf(() => batch.flatMap((record) => operationFor(options, record)));
    records += batch.length;
    onProgress(records);
  }
  await writer.renewCheckpoint();
  await rewriteWithout(options, retired);
}

/**
 * LevelDB keeps a file for as long as a reader has it open, if only for a single `get`, and may move one out of the way of a
 * rewriting. So the files are looked at: what a record's key was is told by its id.
 */
async function rewriteWithout({ clock, database }: ResealOptions, keyIds: readonly Buffer[]): Promise<void> {
  for (let rewrite = 0; rewrite < REWRITES_MAX; rewrite += 1) {
    if (rewrite > 0) {
      await pause(clock, REWRITE_AGAIN_MS * 2 ** (rewrite - 1));
    }
    await database.snapshotsClosed();
    await database.compact();
    if (!(await database.filesHold(keyIds))) {
      return;
    }
  }
  throw new CofferError(
    'store.busy',
    "LevelDB's files still have records of an old data key: a reader holds them",
  );
}

/** A few at a time, so that whoever waits for an answer never waits for many. */
async function* renewedRecords({
  database,
  diskSpace,
  keyring,
}: ResealOptions): AsyncGenerator<readonly Renewed[]> {
  for await (const group of database.groups(ALL, WHAT)) {
    const old = group.filter(([, record]) => !keyring.isActive(record));
    if (old.length === 0) {
      continue;
    }
    await diskSpace.measure();
    const size_bytes = old.reduce((sum, [key, record]) => sum + key.length + record.length, 0);
    if (!diskSpace.admit(size_bytes * DISK_BYTES_PER_BYTE, 'write')) {
      throw diskSpace.fullError();
    }
    for (let from = 0; from < old.length; from += RECORDS_PER_STEP) {
      yield old
        .slice(from, from + RECORDS_PER_STEP)
        .map(([key, before]) => ({ key, before, value: underActiveKey(keyring, key, before) }));
    }
  }
}

async function* batchesOf(steps: AsyncIterable<readonly Renewed[]>): AsyncGenerator<readonly Renewed[]> {
  let batch: Renewed[] = [];
  let size_bytes = 0;
  for await (const step of steps) {
    batch.push(...step);
    size_bytes += step.reduce((sum, { value }) => sum + value.length, 0);
    if (batch.length >= BATCH_RECORDS || size_bytes >= BATCH_BYTES) {
      yield batch;
      batch = [];
      size_bytes = 0;
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}

/** By now the record may be another one, or gone, since it was found. */
function operationFor(
  { database, keyring }: ResealOptions,
  { before, key, value }: Renewed,
): readonly DatabaseOperation[] {
  const record = database.get(key, WHAT);
  if (record === undefined || keyring.isActive(record)) {
    return [];
  }
  const renewed = record.equals(before) ? value : underActiveKey(keyring, key, record);
  return [{ type: 'put', key, value: renewed }];
}

function underActiveKey(keyring: Keyring, key: Buffer, record: Buffer): Buffer {
  const payload = openRecord(keyring, key, record, WHAT);
  const sealed = sealRecord(keyring, key, payload);
  payload.fill(0);
  return sealed;
}
