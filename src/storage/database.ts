// SPDX-License-Identifier: Apache-2.0
// What coffer asks of a database. LevelDB is one (`LevelDatabase`); a simulated disk is another.

export type DatabaseOperation =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: 'del'; readonly key: Buffer };

/** Keys from `from` (inclusive) to `before` (exclusive), in the order of their bytes. */
export interface KeyRange {
  readonly from: Buffer;
  readonly before: Buffer;
}

/** A record of the database: its key, and its value. */
export type DatabaseRecord = readonly [Buffer, Buffer];

/** What can be read. After `close`, everything throws `store.closed`. */
export interface DatabaseView {
  /** The value under `key`. Throws `store.damaged`, with `what` in the sentence, if it cannot be read. */
  get(key: Buffer, what: string): Buffer | undefined;
  /**
   * All records of a range in the order of their keys, as they were when the first group was asked for. A group
   * holds some kilobytes, or one record that is larger. Throws as `get` does.
   */
  groups(range: KeyRange, what: string): AsyncGenerator<readonly DatabaseRecord[]>;
}

/** The database as it was when `snapshot` was called, whatever is written afterwards. */
export interface DatabaseSnapshot extends DatabaseView {
  close(): Promise<void>;
}

/** Keys and values of bytes, ordered by key. There is one writer, with one write in flight. */
export interface Database extends DatabaseView {
  /**
   * Writes all operations or none, in their order: the last one on a key counts. With `sync`, they are durable when
   * the promise resolves. Without, a power cut may take them, even though it leaves a later write that was synced:
   * what another write builds on must be synced itself. After a failure, which is `store.faulted`, nothing more is
   * read or written.
   */
  write(operations: readonly DatabaseOperation[], options: { readonly sync: boolean }): Promise<void>;
  snapshot(): DatabaseSnapshot;
  /** Resolves when the snapshots that are open now are closed. */
  snapshotsClosed(): Promise<void>;
  /**
   * Rewrites the files so that what was overwritten or deleted before the call is in none of them any more, but for one
   * that a reader has open, or that moved meanwhile: `filesHold` tells, and another call rewrites it.
   */
  compact(): Promise<void>;
  /** Whether one of these byte strings is anywhere in the files, also where nothing reads it any more. */
  filesHold(texts: readonly Buffer[]): Promise<boolean>;
  close(): Promise<void>;
}
