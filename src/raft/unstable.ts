// SPDX-License-Identifier: Apache-2.0
// The end of the log that is not known to be durable yet.
import { invariant } from '../common/index.ts';
import type { EntryId } from './entry-id.ts';
import type { Entry, Snapshot } from './types.ts';

/**
 * Entries, and possibly a snapshot before them, that the stable log does not have yet, or may not have: some wait to
 * be handed out for writing, some are being written. They leave when the writer has answered for them.
 *
 *     stable log          | in progress          | next
 *     ... offset - 1      | offset ...           | offsetInProgress ...
 */
export class Unstable {
  #snapshot: Snapshot | undefined;
  #snapshotInProgress = false;
  #entries: Entry[] = [];
  /** Of the first entry here, or of the one that would be. */
  #offset: number;
  /** Of the first entry that was not handed out for writing; at least `#offset`. */
  #offsetInProgress: number;

  constructor(offset: number) {
    this.#offset = offset;
    this.#offsetInProgress = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get offsetInProgress(): number {
    return this.#offsetInProgress;
  }

  /** Entries that are not known to be durable. */
  get count(): number {
    return this.#entries.length;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** The first index of the whole log, if a snapshot here decides it. */
  firstIndex(): number | undefined {
    return this.#snapshot === undefined ? undefined : this.#snapshot.metadata.index + 1;
  }

  /** The last index of the whole log, if it lies here. */
  lastIndex(): number | undefined {
    if (this.#entries.length > 0) {
      return this.#offset + this.#entries.length - 1;
    }
    return this.#snapshot?.metadata.index;
  }

  /** The term of an entry here, or of the snapshot; undefined for others. */
  term(index: number): number | undefined {
    if (index < this.#offset) {
      return this.#snapshot?.metadata.index === index ? this.#snapshot.metadata.term : undefined;
    }
    return this.#entries[index - this.#offset]?.term;
  }

  /** What was not handed out for writing yet. */
  nextEntries(): readonly Entry[] {
    return this.#entries.slice(this.#offsetInProgress - this.#offset);
  }

  hasNextEntries(): boolean {
    return this.#offset + this.#entries.length > this.#offsetInProgress;
  }

  nextSnapshot(): Snapshot | undefined {
    return this.#snapshotInProgress ? undefined : this.#snapshot;
  }

  /** All that is here has been handed out for writing. */
  acceptInProgress(): void {
    this.#offsetInProgress = this.#offset + this.#entries.length;
    this.#snapshotInProgress = this.#snapshot !== undefined;
  }

  /**
   * The log is durable up to this entry. Nothing happens unless it is still here with the same term: it may
   * have been replaced while it was being written.
   */
  stableTo(id: EntryId): void {
    if (id.index < this.#offset || this.term(id.index) !== id.term) {
      return;
    }
    this.#entries.splice(0, id.index + 1 - this.#offset);
    this.#offset = id.index + 1;
    this.#offsetInProgress = Math.max(this.#offsetInProgress, this.#offset);
  }

  /** The snapshot is durable; nothing happens if a newer one has taken its place. */
  stableSnapTo(index: number): void {
    if (this.#snapshot?.metadata.index === index) {
      this.#snapshot = undefined;
      this.#snapshotInProgress = false;
    }
  }

  /** The log begins anew after this snapshot. */
  restore(snapshot: Snapshot): void {
    this.#offset = snapshot.metadata.index + 1;
    this.#offsetInProgress = this.#offset;
    this.#entries = [];
    this.#snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** Appends entries, which replace all from the first one's index on. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = entries[0]?.index;
    invariant(from !== undefined, 'what is appended is not empty');
    const end = this.#offset + this.#entries.length;
    invariant(from <= end, `entry ${from} would leave a gap after ${end - 1}`);
    if (from <= this.#offset) {
      // All that is here goes, and possibly some of what is durable: it is overwritten when this is written.
      this.#entries = [...entries];
      this.#offset = from;
      this.#offsetInProgress = from;
      return;
    }
    this.#entries.length = from - this.#offset;
    this.#entries.push(...entries);
    this.#offsetInProgress = Math.min(this.#offsetInProgress, from);
  }

  /** Entries `lo` to `hi` - 1, all of which must be here. */
  slice(lo: number, hi: number): readonly Entry[] {
    const end = this.#offset + this.#entries.length;
    invariant(
      this.#offset <= lo && lo <= hi && hi <= end,
      `entries ${lo} to ${hi} are not within ${this.#offset} to ${end}`,
    );
    return this.#entries.slice(lo - this.#offset, hi - this.#offset);
  }
}
