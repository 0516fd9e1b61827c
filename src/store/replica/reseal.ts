// SPDX-License-Identifier: Apache-2.0
import { type Keyring, openRecord, sealRecord } from '../../crypto/index.ts';
import type { Database, DatabaseOperation, KeyRange } from '../../storage/index.ts';
import { paced } from '../snapshot/paced.ts';
import type { AppendWriter } from './append-writer.ts';
import type { Clock } from './clock.ts';
import type { SpaceGuard } from './disk-space.ts';

/** Every key of the database begins with a letter. */
const ALL: KeyRange = { from: Buffer.alloc(1), before: Buffer.from([0xff]) };
const WHAT = 'a record that is to be sealed anew';
/** What a record takes until LevelDB has let go of the old one. */
const DISK_BYTES_PER_BYTE = 4;

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
 * that another key opens. A crash leaves records under both. Throws `store.disk-full` if there is no room, and
 * `store.damaged` for a record that does not open.
 */
export async function reseal(options: ResealOptions): Promise<void> {
  const { clock, database, loaded, onProgress, writer } = options;
  await loaded();
  // What was sealed before and not yet written is on the disk then, so that one look at all of it is enough.
  await writer.flushed();
  let records = 0;
  for await (const keys of paced(keysToReseal(options), clock)) {
    await writer.writeAsOf(() => resealed(options, keys));
    records += keys.length;
    onProgress(records);
  }
  await writer.renewCheckpoint();
  await database.snapshotsClosed();
  await database.compact();
}

async function* keysToReseal({
  database,
  diskSpace,
  keyring,
}: ResealOptions): AsyncGenerator<readonly Buffer[]> {
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
    yield old.map(([key]) => key);
  }
}

/** As they are by now: they may be others, or gone, since they were looked at. */
function resealed(
  { database, keyring }: ResealOptions,
  keys: readonly Buffer[],
): readonly DatabaseOperation[] {
  return keys.flatMap((key): readonly DatabaseOperation[] => {
    const record = database.get(key, WHAT);
    if (record === undefined || keyring.isActive(record)) {
      return [];
    }
    const payload = openRecord(keyring, key, record, WHAT);
    const value = sealRecord(keyring, key, payload);
    payload.fill(0);
    return [{ type: 'put', key, value }];
  });
}
