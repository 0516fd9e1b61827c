// SPDX-License-Identifier: Apache-2.0
// LevelDB, with what it hides brought to light: damage that it skips, and errors that it forgets.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Level } from 'level';
import { CofferError, invariant, systemErrorCode } from '../common/index.ts';
import type { Database, DatabaseOperation, DatabaseRecord, DatabaseSnapshot, KeyRange } from './database.ts';
import { causeOf, inUse, isLocked } from './directory-lock.ts';
import { filesHold } from './file-search.ts';

type Bytes = Level<Buffer, Buffer>;
type LevelSnapshot = ReturnType<Bytes['snapshot']>;

const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
const TABLE_BYTES = 8 * 1024 * 1024;
/** Each block of a table is a write of its own when it is made; of LevelDB's own 4 KiB there would be one for every value. */
const BLOCK_BYTES = 16 * 1024;
const ITERATOR_GROUP = 256;
/** A group of an iterator ends with the record that passes this. */
const ITERATOR_GROUP_BYTES = 16 * 1024;

/** After every key there is: they begin with a letter. */
const LAST_KEY = Buffer.from([0xff]);

/** What LevelDB writes into its LOG, and nowhere else, when it opens a damaged log and drops what it cannot read. */
const DROPPED_PATTERN = /Corruption|dropping \d+ bytes/;
/** LevelDB calls a file that is gone, or a CURRENT that names none, an I/O error. */
const LOST_FILE_PATTERN = /No such file or directory|does not exist|CURRENT/;
const DROPPED_LINE_LENGTH_MAX = 200;

/**
 * The node's LevelDB. There is one writer with one batch in flight, since LevelDB may reorder batches that are
 * not awaited; and after the first write that failed nothing more is read or written, since LevelDB would go on
 * acknowledging writes that it loses. A read that fails concerns its own record alone.
 */
export class LevelDatabase implements Database {
  readonly #directory: string;
  readonly #level: Bytes;
  #writing = false;
  #fault: CofferError | undefined;
  #closing: Promise<void> | undefined;
  /** Each settles when that snapshot is closed. */
  readonly #snapshots = new Set<Promise<void>>();

  private constructor(directory: string, level: Bytes) {
    this.#directory = directory;
    this.#level = level;
  }

  /**
   * Opens or creates the database in `directory`. Throws `store.in-use` while another process has it open,
   * `store.damaged` if LevelDB finds damage, even damage that it would pass over in silence, and
   * `store.faulted` for any other failure.
   */
  static async open(directory: string): Promise<LevelDatabase> {
    const level: Bytes = new Level<Buffer, Buffer>(directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compression: false,
      writeBufferSize: WRITE_BUFFER_BYTES,
      maxFileSize: TABLE_BYTES,
      blockSize: BLOCK_BYTES,
    });
    try {
      await level.open();
    } catch (thrown) {
      throw openError(directory, thrown);
    }
    try {
      await refuseDroppedRecords(directory);
    } catch (thrown) {
      await level.close();
      throw thrown;
    }
    return new LevelDatabase(directory, level);
  }

  /** Blocks for some microseconds. */
  get(key: Buffer, what: string): Buffer | undefined {
    return this.#get(undefined, key, what);
  }

  async write(operations: readonly DatabaseOperation[], options: { readonly sync: boolean }): Promise<void> {
    this.#check();
    invariant(!this.#writing, 'there is one writer, with one batch in flight');
    this.#writing = true;
    try {
      // A chained batch: one of an array costs three times as much, for copies of each operation.
      const batch = this.#level.batch();
      for (const operation of operations) {
        if (operation.type === 'put') {
          batch.put(operation.key, operation.value);
        } else {
          batch.del(operation.key);
        }
      }
      await batch.write({ sync: options.sync });
    } catch (thrown) {
      throw this.#fail(thrown);
    } finally {
      this.#writing = false;
    }
  }

  groups(range: KeyRange, what: string): AsyncGenerator<readonly DatabaseRecord[]> {
    return this.#groups(undefined, range, what);
  }

  snapshot(): DatabaseSnapshot {
    this.#check();
    const snapshot = this.#level.snapshot();
    let closing: Promise<void> | undefined;
    let onClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      onClosed = resolve;
    });
    this.#snapshots.add(closed);
    const check = (): void => {
      if (closing !== undefined) {
        throw new CofferError('store.closed', 'the snapshot is closed');
      }
    };
    return {
      get: (key, what) => {
        check();
        return this.#get(snapshot, key, what);
      },
      groups: (range, what) => {
        check();
        return this.#groups(snapshot, range, what);
      },
      close: () =>
        (closing ??= snapshot.close().finally(() => {
          this.#snapshots.delete(closed);
          onClosed();
        })),
    };
  }

  async snapshotsClosed(): Promise<void> {
    await Promise.all(this.#snapshots);
  }

  async compact(): Promise<void> {
    this.#check();
    const level = this.#level;
    invariant(canCompact(level), "Node's LevelDB can be compacted");
    try {
      await level.compactRange(Buffer.alloc(1), LAST_KEY);
    } catch (thrown) {
      throw this.#fail(thrown);
    }
  }

  filesHold(texts: readonly Buffer[]): Promise<boolean> {
    this.#check();
    return filesHold(this.#directory, texts);
  }

  close(): Promise<void> {
    this.#closing ??= this.#level.close();
    return this.#closing;
  }

  #get(snapshot: LevelSnapshot | undefined, key: Buffer, what: string): Buffer | undefined {
    this.#check();
    try {
      return this.#level.getSync(key, snapshot === undefined ? {} : { snapshot });
    } catch (thrown) {
      throw unreadable(what, thrown);
    }
  }

  async *#groups(
    snapshot: LevelSnapshot | undefined,
    range: KeyRange,
    what: string,
  ): AsyncGenerator<readonly DatabaseRecord[]> {
    this.#check();
    const iterator = this.#level.iterator({
      gte: range.from,
      lt: range.before,
      highWaterMarkBytes: ITERATOR_GROUP_BYTES,
      ...(snapshot === undefined ? {} : { snapshot }),
    });
    try {
      for (;;) {
        const group = await iterator.nextv(ITERATOR_GROUP).catch((thrown: unknown) => {
          this.#check();
          throw unreadable(what, thrown);
        });
        if (group.length === 0) {
          return;
        }
        yield group;
        this.#check();
      }
    } finally {
      await iterator.close();
    }
  }

  #check(): void {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
    if (this.#closing !== undefined) {
      throw new CofferError('store.closed', 'the database is closed');
    }
  }

  #fail(thrown: unknown): CofferError {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    this.#fault ??= new CofferError('store.faulted', `LevelDB failed: ${detail}`, { cause: thrown });
    return this.#fault;
  }
}

/** What `level` is in Node, and its types, which are those of browsers too, leave out. */
interface Compactable {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}

function canCompact(level: Bytes): level is Bytes & Compactable {
  return 'compactRange' in level;
}

function openError(directory: string, thrown: unknown): CofferError {
  if (isLocked(thrown)) {
    return inUse(directory, thrown);
  }
  const cause = causeOf(thrown);
  const detail = cause instanceof Error ? cause.message : String(cause);
  if (systemErrorCode(cause) === 'LEVEL_CORRUPTION' || LOST_FILE_PATTERN.test(detail)) {
    return new CofferError('store.damaged', `LevelDB finds ${directory} damaged: ${detail}`, { cause });
  }
  // A full or unreadable disk.
  return new CofferError('store.faulted', `LevelDB cannot open ${directory}: ${detail}`, { cause });
}

function unreadable(what: string, thrown: unknown): CofferError {
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new CofferError('store.damaged', `LevelDB cannot read ${what}: ${detail}`, { cause: thrown });
}

/** Throws `store.damaged` with LevelDB's own words on what it dropped while it opened, if it dropped anything. */
async function refuseDroppedRecords(directory: string): Promise<void> {
  const log = await readFile(path.join(directory, 'LOG'), 'utf8');
  const line = log.split('\n').find((text) => DROPPED_PATTERN.test(text));
  if (line !== undefined) {
    const words = line.slice(0, DROPPED_LINE_LENGTH_MAX);
    throw new CofferError('store.damaged', `LevelDB lost records while it opened ${directory}: ${words}`);
  }
}
