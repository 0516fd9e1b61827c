// SPDX-License-Identifier: Apache-2.0
// What the core reads of the stable log.
import type { ConfState, Entry, HardState, Snapshot } from './types.ts';

/** `compacted`: only a snapshot has it any more. `unavailable`: it is not in the log yet. */
export type LogUnavailable = 'compacted' | 'unavailable';

/**
 * The log as far as it is durable. The core only reads it: what is to be written leaves the core in a `Ready`. An
 * implementation that cannot read what it once wrote throws, and the node must stop.
 */
export interface RaftStorage {
  /** What a restart begins from; zeros and empty lists for a node that was never started. */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /** Entries `lo` to `hi` - 1: at least one, then as many more as fit into `maxBytes` (`entrySize` each). */
  entries(lo: number, hi: number, maxBytes: number): readonly Entry[] | LogUnavailable;
  /**
   * Of an entry from `firstIndex() - 1` to `lastIndex()`: the term of the last compacted one is kept for matching.
   */
  term(index: number): number | LogUnavailable;
  /** The first entry that is retained, which need not exist yet. */
  firstIndex(): number;
  /** The last durable entry; `firstIndex() - 1` if there is none. */
  lastIndex(): number;
  /** The newest snapshot, not older than what was compacted; undefined if none can be had at the moment. */
  snapshot(): Snapshot | undefined;
}
