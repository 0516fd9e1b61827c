// SPDX-License-Identifier: Apache-2.0
// The replicated log on a database: sealed entries, chained by digests, verified whole at every start.
import { ByteReader, ByteWriter, CofferError, invariant } from '../common/index.ts';
import type { Keyring } from '../crypto/index.ts';
import { type Entry, entrySize } from '../raft/index.ts';
import type { DatabaseOperation, DatabaseView } from './database.ts';
import { DeadEntries } from './dead-entries.ts';
import { type ChainedEntry, type LogPosition, nameOfEntry, openEntry, sealEntry } from './log-chain.ts';
import { LOG_ORIGIN, type LogStart, logStartOperation, readLogStart } from './log-start.ts';
import { ENTRY_RANGE, entryKey } from './places.ts';

export interface LogLimits {
  /** The log is compacted when it retains more entries than this. */
  readonly entriesMax: number;
  /** The log is compacted when it retains more bytes of data than this. */
  readonly bytesMax: number;
}

/** How far the log has come, as the checkpoint beside the database remembers it. */
export interface LogMark {
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The chain's digest of the entry at `lastIndex`: 32 bytes. */
  readonly lastDigest: Buffer;
  /** How often what was written has given way to something else. Between two marks with the same count the log only grew. */
  readonly logRewrites: number;
}

/** Dead entries that a batch deletes beside those that it pays for. */
const DELETIONS_PER_BATCH = 1_024;
/** Dead entries that a batch deletes for each that it adds: so they do not gather, and no start reads them. */
const DELETIONS_PER_ENTRY = 2;

/** The mark of a log that nothing was ever written to. */
export const EMPTY_LOG_MARK: LogMark = {
  lastIndex: LOG_ORIGIN.index,
  lastTerm: LOG_ORIGIN.term,
  lastDigest: LOG_ORIGIN.digest,
  logRewrites: 0,
};

interface Retained extends LogPosition {
  /** Bytes of the entry's data. */
  readonly size: number;
}

/**
 * The retained log: entries `start.index + 1` to `last.index`. It makes the operations and the caller writes
 * them, in the order in which they were made, so that one batch can carry the entries, the hard state and the applied
 * state. What it says of itself counts as if all of them were written.
 */
export class RaftLog {
  readonly #database: DatabaseView;
  readonly #keyring: Keyring;
  readonly #limits: LogLimits;
  /** The compaction point: the entry before the first one retained. */
  #start: LogPosition;
  #rewrites: number;
  #last: LogPosition;
  /** What is retained, oldest first, to find a compaction point and to verify a read without reading the disk. */
  #retained: Retained[] = [];
  #retained_bytes = 0;
  /** Entries in memory, in ascending order: those that may not be on the disk yet are among them. */
  readonly #cache = new Map<number, Entry>();
  readonly #dead = new DeadEntries();
  readonly #writer = new ByteWriter();
  /** Entries that were appended since the last call of `compact`. */
  #appended = 0;

  private constructor(database: DatabaseView, keyring: Keyring, limits: LogLimits, start: LogStart) {
    this.#database = database;
    this.#keyring = keyring;
    this.#limits = limits;
    this.#start = start.position;
    this.#rewrites = start.rewrites;
    this.#last = start.position;
  }

  /** The operations that make an empty log. */
  static createOperations(keyring: Keyring): readonly DatabaseOperation[] {
    return [logStartOperation(keyring, { position: LOG_ORIGIN, rewrites: 0 })];
  }

  /**
   * Reads and verifies all that is retained: entries without gaps, terms that never fall, each sealed for its
   * index, each chained to the one before. `visit` sees the entries in order. One that it says true to stays in
   * memory until it is released; the data of others is wiped. Throws `store.damaged` with the index where it breaks.
   */
  static async open(
    database: DatabaseView,
    keyring: Keyring,
    limits: LogLimits,
    visit: (entry: Entry) => boolean,
  ): Promise<RaftLog> {
    const log = new RaftLog(database, keyring, limits, readLogStart(database, keyring));
    for await (const group of database.groups(ENTRY_RANGE, 'the log')) {
      for (const [key, record] of group) {
        const index = new ByteReader(key.subarray(1), 'a key of the log').u64();
        if (index <= log.#start.index) {
          log.#dead.add(index, index);
          continue;
        }
        const entry = log.#verify(index, record);
        if (visit(entry)) {
          log.#cache.set(index, entry);
        } else {
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

  /** What the checkpoint is to remember of the log as it is now. It must not become durable before the log is. */
  get mark(): LogMark {
    const { index, term, digest } = this.#last;
    return { lastIndex: index, lastTerm: term, lastDigest: digest, logRewrites: this.#rewrites };
  }

  /** The position at `start.index` to `last.index`; undefined for others. */
  positionAt(index: number): LogPosition | undefined {
    return index === this.#start.index ? this.#start : this.#retained[index - this.#start.index - 1];
  }

  /**
   * The operations that append `entries`. The first one follows on the last of the log, or takes the place of one that
   * is retained: then what comes after it is gone too. They count as appended from now on, and stay in memory until they
   * are released: the caller must not change them before.
   */
  append(entries: readonly Entry[]): readonly DatabaseOperation[] {
    const [first] = entries;
    if (first === undefined) {
      return [];
    }
    const operations: DatabaseOperation[] = [];
    const surplusIndex = this.#last.index;
    if (first.index <= surplusIndex) {
      this.#truncate(first.index);
      operations.push(this.#startOperation());
    }
    for (const entry of entries) {
      operations.push(this.#append(entry));
    }
    operations.push(...deletions(this.#last.index + 1, surplusIndex));
    return operations;
  }

  /**
   * Entries `lo` to `hi` - 1: at least one, then as many more as fit into `maxBytes` (`entrySize` each). Those that are
   * not in memory are read back and held against what is known of them; `store.damaged` names one that differs.
   */
  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] {
    invariant(
      lo > this.#start.index && lo <= hi && hi <= this.#last.index + 1,
      `entries ${lo} to ${hi - 1} are within ${this.#start.index + 1} to ${this.#last.index}`,
    );
    const entries: Entry[] = [];
    let size_bytes = 0;
    for (let index = lo; index < hi; index += 1) {
      const entry = this.#cache.get(index) ?? this.#readBack(index);
      size_bytes += entrySize(entry);
      if (size_bytes > maxBytes && entries.length > 0) {
        break;
      }
      entries.push(entry);
    }
    return entries;
  }

  /** Forgets the entries up to `index` that are in memory. They must be on the disk; their data may be wiped from now on. */
  release(index: number): void {
    for (const cached of this.#cache.keys()) {
      if (cached > index) {
        break;
      }
      this.#cache.delete(cached);
    }
  }

  /**
   * The operations that let go of old entries, none after `appliedIndex`: the caller must have that state in the
   * same batch or on disk already. When a limit is passed, the younger half stays, for followers that are behind.
   */
  compact(appliedIndex: number): readonly DatabaseOperation[] {
    const operations: DatabaseOperation[] = [];
    const { entriesMax, bytesMax } = this.#limits;
    if (this.#retained.length > entriesMax || this.#retained_bytes > bytesMax) {
      const before = this.#start;
      this.#forget(appliedIndex, entriesMax / 2, bytesMax / 2);
      operations.push(...(this.#start === before ? [] : [this.#startOperation()]));
    }
    const limit = DELETIONS_PER_BATCH + DELETIONS_PER_ENTRY * this.#appended;
    this.#appended = 0;
    operations.push(...this.#dead.take(limit).map(deletion));
    return operations;
  }

  /**
   * The operations that let go of all entries up to `index`, and delete them and every other that was let go of before. The
   * caller must have the state after `index` on disk already. A follower that still needs them gets a state in their place.
   */
  forget(index: number): readonly DatabaseOperation[] {
    const before = this.#start;
    this.#forget(index, 0, 0);
    const start = this.#start === before ? [] : [this.#startOperation()];
    return [...start, ...this.#dead.take(Number.POSITIVE_INFINITY).map(deletion)];
  }

  /**
   * The operations that let the log begin anew after `position`, for a state that stands for all entries up to there. They
   * delete all entries after it; those before it are deleted by later calls of `compact`.
   */
  reset(position: LogPosition): readonly DatabaseOperation[] {
    invariant(position.index >= this.#start.index, 'a log begins anew after what it let go of');
    const lastIndex = this.#last.index;
    this.#dead.add(this.#start.index + 1, Math.min(position.index, lastIndex));
    const operations = deletions(position.index + 1, lastIndex);
    const { index, term, digest } = position;
    this.#start = { index, term, digest: Buffer.from(digest) };
    this.#last = this.#start;
    this.#rewrites += 1;
    this.#retained = [];
    this.#retained_bytes = 0;
    this.#cache.clear();
    return [...operations, this.#startOperation()];
  }

  #append(entry: Entry): DatabaseOperation {
    const previous = this.#last;
    if (entry.index !== previous.index + 1 || entry.term < previous.term) {
      invariant(false, `entry ${entry.index} does not follow on ${previous.index}, or is of an older term`);
    }
    const { record: value, position } = sealEntry(this.#keyring, this.#writer, previous, entry);
    this.#retain({ entry, position });
    this.#cache.set(entry.index, entry);
    this.#appended += 1;
    return { type: 'put', key: entryKey(entry.index), value };
  }

  /** Lets go of the entries from `index` on: an entry that a leader replaced takes all that followed along. */
  #truncate(index: number): void {
    invariant(
      index > this.#start.index,
      `entry ${index} is not replaced: the log was compacted up to ${this.#start.index}`,
    );
    const removed = this.#retained.splice(index - this.#start.index - 1);
    for (const entry of removed) {
      this.#retained_bytes -= entry.size;
      this.#cache.delete(entry.index);
    }
    this.#last = this.#retained.at(-1) ?? this.#start;
    this.#rewrites += 1;
  }

  #verify(index: number, record: Buffer): Entry {
    const previous = this.#last;
    if (index !== previous.index + 1) {
      throw new CofferError(
        'store.damaged',
        `the log has no entry ${previous.index + 1}, though it has entry ${index}`,
      );
    }
    const opened = openEntry(this.#keyring, previous, record);
    this.#retain(opened);
    return opened.entry;
  }

  #readBack(index: number): Entry {
    const what = nameOfEntry(index);
    const [previous, position] = [this.positionAt(index - 1), this.positionAt(index)];
    invariant(previous !== undefined && position !== undefined, `${what} is retained`);
    const record = this.#database.get(entryKey(index), what);
    if (record === undefined) {
      throw new CofferError('store.damaged', `the database has lost ${what}`);
    }
    const { entry, position: found } = openEntry(this.#keyring, previous, record);
    if (!found.digest.equals(position.digest)) {
      entry.data.fill(0);
      throw new CofferError('store.damaged', `${what} is not the one that this node has written`);
    }
    return entry;
  }

  #retain({ entry, position: { index, term, digest } }: ChainedEntry): void {
    const retained: Retained = { index, term, digest, size: entry.data.length };
    this.#retained.push(retained);
    this.#retained_bytes += retained.size;
    this.#last = retained;
  }

  #forget(appliedIndex: number, entriesKept: number, bytesKept: number): void {
    let count = 0;
    for (const { index, size } of this.#retained) {
      const enough = this.#retained.length - count <= entriesKept && this.#retained_bytes <= bytesKept;
      if (enough || index > appliedIndex) {
        break;
      }
      this.#retained_bytes -= size;
      count += 1;
    }
    const newStart = this.#retained[count - 1];
    if (newStart !== undefined) {
      this.#dead.add(this.#start.index + 1, newStart.index);
      this.#start = { index: newStart.index, term: newStart.term, digest: newStart.digest };
      this.#retained = this.#retained.slice(count);
      this.release(newStart.index);
    }
  }

  #startOperation(): DatabaseOperation {
    return logStartOperation(this.#keyring, { position: this.#start, rewrites: this.#rewrites });
  }
}

function deletions(first: number, last: number): readonly DatabaseOperation[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, offset) => deletion(first + offset));
}

function deletion(index: number): DatabaseOperation {
  return { type: 'del', key: entryKey(index) };
}
