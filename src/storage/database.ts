// SPDX-License-Identifier: Apache-2.0
// LevelDB, with what it hides brought to light: damage that it skips, and errors that it forgets.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Level } from 'level';
import { CofferError, invariant, systemErrorCode } from '../common/index.ts';
import { causeOf, inUse, isLocked } from './directory-lock.ts';

export type DatabaseOperation =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

/** Keys from `from` (inclusive) to `before` (exclusive), in the order of their bytes. */
export interface KeyRange {
  readonly from: Buffer;
  readonly before: Buffer;
}

type Bytes = Level<Buffer, Buffer>;

const WRITE_BUFFER_BYTES = 8 * 1024 * 1024;
const ITERATOR_GROUP = 256;

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
export class Database {
  readonly #level: Bytes;
  #writing = false;
  #fault: CofferError | undefined;

  private constructor(level: Bytes) {
    this.#level = level;
  }

  /**
   * Opens or creates the database in `directory`. Throws `store.in-use` while another process has it open,
   * `store.damaged` if LevelDB finds damage, even damage that it would pass over in silence, and
   * `store.faulted` for any other failure.
   */
  static async open(directory: string): Promise<Database> {
    const level: Bytes = new Level<Buffer, Buffer>(directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compression: false,
      writeBufferSize: WRITE_BUFFER_BYTES,
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
    return new Database(level);
  }

  /**
   * The value under `key`. Blocks for some microseconds. Throws `store.damaged`, with `what` in the sentence, if
   * LevelDB cannot read the table that holds it.
   */
  get(key: Buffer, what: string): Buffer | undefined {
    this.#check();
    try {
      return this.#level.getSync(key);
    } catch (thrown) {
      throw unreadable(what, thrown);
    }
  }

  /**
   * Writes all operations or none. With `sync`, it is on the disk when the promise resolves. Throws
   * `store.faulted`, and from then on always.
   */
  async write(operations: readonly DatabaseOperation[], options: { readonly sync: boolean }): Promise<void> {
    this.#check();
    invariant(!this.#writing, 'there is one writer, with one batch in flight');
    this.#writing = true;
    try {
      await this.#level.batch([...operations], { sync: options.sync });
    } catch (thrown) {
      throw this.#fail(thrown);
    } finally {
      this.#writing = false;
    }
  }

  /** All records of a range in groups, as they were when the call was made. Throws as `get` does. */
  async *groups(range: KeyRange, what: string): AsyncGenerator<readonly (readonly [Buffer, Buffer])[]> {
    this.#check();
    const iterator = this.#level.iterator({ gte: range.from, lt: range.before });
    try {
      for (;;) {
        const group = await iterator.nextv(ITERATOR_GROUP).catch((thrown: unknown) => {
          throw unreadable(what, thrown);
        });
        if (group.length === 0) {
          return;
        }
        yield group;
      }
    } finally {
      await iterator.close();
    }
  }

  async close(): Promise<void> {
    await this.#level.close();
  }

  #check(): void {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
  }

  #fail(thrown: unknown): CofferError {
    const detail = thrown instanceof Error ? thrown.message : String(thrown);
    this.#fault ??= new CofferError('store.faulted', `LevelDB failed: ${detail}`, { cause: thrown });
    return this.#fault;
  }
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
