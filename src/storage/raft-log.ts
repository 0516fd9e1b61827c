// SPDX-License-Identifier: Apache-2.0
// The replicated log on LevelDB: sealed entries, chained by digests, verified whole at every start.
import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, CofferError, invariant, u64Bytes } from '../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../crypto/index.ts';
import type { Database, DatabaseOperation } from './database.ts';
import { ENTRY_RANGE, entryKey, LOG_START_KEY } from './places.ts';

/** An entry as the log stores it. It is the Raft core's entry; the room below does not know the core. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly data: Buffer;
}

/** A point in the log: an entry, and the digest of the chain that ends with it. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
  readonly digest: Buffer;
}

const DIGEST_BYTES = 32;
const START: LogPosition = { index: 0, term: 0, digest: Buffer.alloc(DIGEST_BYTES) };

/** Deletions of compacted entries that one batch carries along: enough to keep up, too few to be felt. */
const DELETIONS_PER_BATCH = 1_024;

export interface LogLimits {
  /** The log is compacted when it retains more entries than this. */
  readonly entriesMax: number;
  /** The log is compacted when it retains more bytes of data than this. */
  readonly bytesMax: number;
}

/**
 * The retained log: entries `first.index + 1` to `last.index`. It makes the operations and the caller writes
 * them, so that one batch can carry the entries, the hard state and the applied state.
 */
export class RaftLog {
  readonly #keyring: Keyring;
  readonly #limits: LogLimits;
  /** The compaction point: the entry before the first one retained. */
  #start: LogPosition;
  #last: LogPosition;
  /** What is retained, oldest first, to find a compaction point without reading the disk. */
  #retained: (LogPosition & { readonly size: number })[] = [];
  #retainedBytes = 0;
  /** Entries up to here are deleted, or never were. Those up to `#start` are dead and wait for it. */
  #deletedIndex: number;

  private constructor(keyring: Keyring, limits: LogLimits, start: LogPosition, deletedIndex: number) {
    this.#keyring = keyring;
    this.#limits = limits;
    this.#start = start;
    this.#last = start;
    this.#deletedIndex = deletedIndex;
  }

  /** The operations that make an empty log. */
  static createOperations(keyring: Keyring): readonly DatabaseOperation[] {
    return [startOperation(keyring, START)];
  }

  /**
   * Reads and verifies all that is retained: entries without gaps, terms that never fall, each sealed for its
   * index, each chained to the one before. `visit` sees the entries in order, with data that is wiped after it
   * returns unless it says true. Throws `store.damaged` with the index where it breaks.
   */
  static async open(
    database: Database,
    keyring: Keyring,
    limits: LogLimits,
    visit: (entry: LogEntry) => boolean,
  ): Promise<RaftLog> {
    const start = readStart(database, keyring);
    const log = new RaftLog(keyring, limits, start, start.index);
    for await (const group of database.groups(ENTRY_RANGE, 'the log')) {
      for (const [key, record] of group) {
        const index = new ByteReader(key.subarray(1), 'a key of the log').u64();
        if (index <= start.index) {
          log.#deletedIndex = Math.min(log.#deletedIndex, index - 1);
          continue;
        }
        const entry = log.#verify(index, record);
        if (!visit(entry)) {
          entry.data.fill(0);
        }
      }
    }
    return log;
  }

  /** The last entry before the retained ones. */
  get start(): LogPosition {
    return this.#start;
  }

  get last(): LogPosition {
    return this.#last;
  }

  /** The digest of the chain at a retained index; undefined for others. */
  digestAt(index: number): LogPosition | undefined {
    return this.#retained[index - this.#start.index - 1];
  }

  /** The operations that append `entries`, which follow on the last one. They count as appended from now on. */
  append(entries: readonly LogEntry[]): readonly DatabaseOperation[] {
    return entries.map((entry) => {
      const previous = this.#last;
      invariant(
        entry.index === previous.index + 1,
        `entry ${entry.index} does not follow on ${previous.index}`,
      );
      invariant(entry.term >= previous.term, `entry ${entry.index} has an older term than the one before`);
      const payload = new ByteWriter().u64(entry.term).fixed(previous.digest).fixed(entry.data).finish();
      const key = entryKey(entry.index);
      const value = sealRecord(this.#keyring, key, payload);
      payload.fill(0);
      this.#retain(entry, previous.digest);
      return { type: 'put', key, value };
    });
  }

  /**
   * The operations that let go of old entries, none after `appliedIndex`: the caller must have that state in the
   * same batch or on disk already. When a limit is passed, the younger half stays.
   */
  compact(appliedIndex: number): readonly DatabaseOperation[] {
    const operations: DatabaseOperation[] = [];
    const { entriesMax, bytesMax } = this.#limits;
    if (this.#retained.length > entriesMax || this.#retainedBytes > bytesMax) {
      this.#forget(appliedIndex, entriesMax / 2, bytesMax / 2);
      operations.push(startOperation(this.#keyring, this.#start));
    }
    const until = Math.min(this.#start.index, this.#deletedIndex + DELETIONS_PER_BATCH);
    for (let index = this.#deletedIndex + 1; index <= until; index += 1) {
      operations.push({ type: 'del', key: entryKey(index) });
    }
    this.#deletedIndex = until;
    return operations;
  }

  #verify(index: number, record: Buffer): LogEntry {
    const previous = this.#last;
    if (index !== previous.index + 1) {
      throw new CofferError(
        'store.damaged',
        `the log has no entry ${previous.index + 1}, though it has entry ${index}`,
      );
    }
    const what = `entry ${index} of the log`;
    const payload = openRecord(this.#keyring, entryKey(index), record, what);
    const reader = new ByteReader(payload, what);
    const term = reader.u64();
    const chained = reader.fixed(DIGEST_BYTES).equals(previous.digest);
    const data = reader.rest();
    if (!chained || term < previous.term) {
      data.fill(0);
      throw new CofferError('store.damaged', `${what} does not follow on the entry before it`);
    }
    const entry: LogEntry = { index, term, data };
    this.#retain(entry, previous.digest);
    return entry;
  }

  #retain(entry: LogEntry, previousDigest: Buffer): void {
    const position = { index: entry.index, term: entry.term, digest: chain(previousDigest, entry) };
    this.#retained.push({ ...position, size: entry.data.length });
    this.#retainedBytes += entry.data.length;
    this.#last = position;
  }

  #forget(appliedIndex: number, entriesKept: number, bytesKept: number): void {
    let count = 0;
    for (const { index, size } of this.#retained) {
      const enough = this.#retained.length - count <= entriesKept && this.#retainedBytes <= bytesKept;
      if (enough || index > appliedIndex) {
        break;
      }
      this.#retainedBytes -= size;
      count += 1;
    }
    const newStart = this.#retained[count - 1];
    if (newStart !== undefined) {
      this.#start = { index: newStart.index, term: newStart.term, digest: newStart.digest };
      this.#retained = this.#retained.slice(count);
    }
  }
}

/** The digest of a chain that ends with `entry`. It is over what the entry says, so it is the same on every node. */
function chain(previousDigest: Buffer, entry: LogEntry): Buffer {
  return createHash('sha256')
    .update(previousDigest)
    .update(u64Bytes(entry.index))
    .update(u64Bytes(entry.term))
    .update(entry.data)
    .digest();
}

function startOperation(keyring: Keyring, start: LogPosition): DatabaseOperation {
  const payload = new ByteWriter().u64(start.index).u64(start.term).fixed(start.digest).finish();
  return { type: 'put', key: LOG_START_KEY, value: sealRecord(keyring, LOG_START_KEY, payload) };
}

function readStart(database: Database, keyring: Keyring): LogPosition {
  const what = 'the record of where the log begins';
  const record = database.get(LOG_START_KEY, what);
  if (record === undefined) {
    throw new CofferError('store.damaged', `the database has lost ${what}`);
  }
  const reader = new ByteReader(openRecord(keyring, LOG_START_KEY, record, what), what);
  const start = { index: reader.u64(), term: reader.u64(), digest: Buffer.from(reader.fixed(DIGEST_BYTES)) };
  reader.finish();
  return start;
}
