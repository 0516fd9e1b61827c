// SPDX-License-Identifier: Apache-2.0
// The stable log of the Raft core in memory, for tests.
import { invariant } from '../../src/common/index.ts';
import {
  type ConfState,
  type Entry,
  type HardState,
  limitSize,
  type LogUnavailable,
  type RaftStorage,
  type Snapshot,
} from '../../src/raft/index.ts';

export const NOBODY: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/**
 * A log that is durable as soon as it is written. It checks what a driver must keep to: no gaps, no lost beginnings.
 */
export class MemoryStorage implements RaftStorage {
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  #confState: ConfState = NOBODY;
  #compacted = { index: 0, term: 0 };
  #entries: Entry[] = [];
  #snapshot: (() => Snapshot | undefined) | undefined;

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#confState };
  }

  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogUnavailable {
    if (lo <= this.#compacted.index) {
      return 'compacted';
    }
    if (hi > this.lastIndex() + 1) {
      return 'unavailable';
    }
    return limitSize(this.#entries.slice(this.#place(lo), this.#place(hi)), maxBytes);
  }

  term(index: number): number | LogUnavailable {
    if (index === this.#compacted.index) {
      return this.#compacted.term;
    }
    return index < this.#compacted.index
      ? 'compacted'
      : (this.#entries[this.#place(index)]?.term ?? 'unavailable');
  }

  firstIndex(): number {
    return this.#compacted.index + 1;
  }

  lastIndex(): number {
    return this.#compacted.index + this.#entries.length;
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot?.();
  }

  /** All that is retained. */
  all(): readonly Entry[] {
    return [...this.#entries];
  }

  /** Who makes snapshots when the core asks for one. */
  useSnapshots(source: () => Snapshot | undefined): void {
    this.#snapshot = source;
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /** The configuration that a restart begins with: the one in effect at the applied index. */
  setConfState(confState: ConfState): void {
    this.#confState = confState;
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) {
      return;
    }
    invariant(
      first.index > this.#compacted.index && first.index <= this.lastIndex() + 1,
      `entry ${first.index} follows on ${this.#compacted.index} to ${this.lastIndex()}`,
    );
    this.#entries.length = this.#place(first.index);
    this.#entries.push(...entries);
  }

  /** The log begins anew after the snapshot. */
  applySnapshot({ metadata }: Snapshot): void {
    this.#compacted = { index: metadata.index, term: metadata.term };
    this.#entries = [];
    this.#confState = metadata.confState;
  }

  /** Lets go of the entries up to `index`. */
  compact(index: number): void {
    const term = this.term(index);
    invariant(typeof term === 'number', `entry ${index} is in the log`);
    this.#entries.splice(0, this.#place(index) + 1);
    this.#compacted = { index, term };
  }

  /** Damage: the entries from `index` on are gone. */
  loseFrom(index: number): void {
    this.#entries.length = this.#place(index);
  }

  #place(index: number): number {
    return index - this.#compacted.index - 1;
  }
}
