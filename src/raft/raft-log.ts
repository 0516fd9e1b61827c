// SPDX-License-Identifier: Apache-2.0
// The log as the core sees it: what is durable, and after it what is not yet.
import { invariant } from '../common/index.ts';
import { type EntryId, isUpToDate } from './entry-id.ts';
import { entriesSize, limitSize } from './entry-size.ts';
import type { LogUnavailable, RaftStorage } from './storage.ts';
import type { Entry, Snapshot } from './types.ts';
import { Unstable } from './unstable.ts';

/**
 * The pointers into it, in their order:
 *
 *     firstIndex - 1 <= applied <= applying <= committed <= lastIndex,    stable < unstable.offset <= lastIndex + 1
 *
 * `committed` never falls. `applying` is the last entry that was handed out to be applied, `applied` the last one
 * that the state machine has answered for.
 */
export class RaftLog {
  readonly unstable: Unstable;
  readonly #storage: RaftStorage;
  readonly #maxApplyingBytes: number;
  #committed: number;
  #applying: number;
  #applied: number;
  /** Bytes of the entries that are handed out and not applied. */
  #applyingBytes = 0;
  #applyingPaused = false;

  /** `maxApplyingBytes` limits the committed entries that are handed out at the same time. */
  constructor(storage: RaftStorage, maxApplyingBytes: number) {
    this.#storage = storage;
    this.#maxApplyingBytes = maxApplyingBytes;
    this.unstable = new Unstable(storage.lastIndex() + 1);
    // What was compacted had been applied.
    const compacted = storage.firstIndex() - 1;
    this.#committed = compacted;
    this.#applying = compacted;
    this.#applied = compacted;
  }

  get committed(): number {
    return this.#committed;
  }

  get applying(): number {
    return this.#applying;
  }

  get applied(): number {
    return this.#applied;
  }

  get maxApplyingBytes(): number {
    return this.#maxApplyingBytes;
  }

  firstIndex(): number {
    return this.unstable.firstIndex() ?? this.#storage.firstIndex();
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.#storage.lastIndex();
  }

  lastEntryId(): EntryId {
    const index = this.lastIndex();
    const term = this.term(index);
    invariant(typeof term === 'number', `the term of the last entry, ${index}, is known`);
    return { term, index };
  }

  /** The term of an entry from `firstIndex() - 1` to `lastIndex()`. */
  term(index: number): number | LogUnavailable {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) {
      return unstable;
    }
    if (index + 1 < this.firstIndex()) {
      return 'compacted';
    }
    return index > this.lastIndex() ? 'unavailable' : this.#storage.term(index);
  }

  /** The term of an entry, or 0, which is no entry's term, where it is not known. */
  termOrZero(index: number): number {
    const term = this.term(index);
    return typeof term === 'number' ? term : 0;
  }

  matchTerm(id: EntryId): boolean {
    return this.term(id.index) === id.term;
  }

  /** Whether a log that ends with `id` has at least what this one has. */
  isUpToDate(id: EntryId): boolean {
    return isUpToDate(id, this.lastEntryId());
  }

  /** Entries from `index` to the last, as far as they fit into `maxBytes`. */
  entries(index: number, maxBytes: number): readonly Entry[] | 'compacted' {
    const end = this.lastIndex() + 1;
    return index >= end ? [] : this.slice(index, end, maxBytes);
  }

  /** Entries `lo` to `hi` - 1, as far as they fit into `maxBytes`: at least one, if there are any. */
  slice(lo: number, hi: number, maxBytes: number): readonly Entry[] | 'compacted' {
    invariant(lo <= hi && hi <= this.lastIndex() + 1, `entries ${lo} to ${hi} are within the log`);
    if (lo < this.firstIndex()) {
      return 'compacted';
    }
    if (lo === hi) {
      return [];
    }
    const { offset } = this.unstable;
    if (lo >= offset) {
      return limitSize(this.unstable.slice(lo, hi), maxBytes);
    }
    const cut = Math.min(hi, offset);
    const stable = this.#storage.entries(lo, cut, maxBytes);
    invariant(stable !== 'unavailable', `entries ${lo} to ${cut} are in the stable log`);
    if (stable === 'compacted') {
      return stable;
    }
    // A stable part that was cut short, or that fills the limit by itself, leaves no room for the rest.
    const size = stable.length < cut - lo ? Infinity : entriesSize(stable);
    if (hi <= offset || size >= maxBytes) {
      return stable;
    }
    const rest = limitSize(this.unstable.slice(offset, hi), maxBytes - size);
    return size + entriesSize(rest) > maxBytes ? stable : [...stable, ...rest];
  }

  /** Whether `test` holds for an entry from `lo` to `hi` - 1. They must exist, and are read `pageBytes` at a time. */
  some(lo: number, hi: number, pageBytes: number, test: (entry: Entry) => boolean): boolean {
    let from = lo;
    while (from < hi) {
      const page = this.slice(from, hi, pageBytes);
      invariant(page !== 'compacted' && page.length > 0, `entry ${from} is in the log`);
      if (page.some(test)) {
        return true;
      }
      from += page.length;
    }
    return false;
  }

  /** The leader's own appending. Nothing that is committed is ever replaced. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) {
      return;
    }
    invariant(
      first.index > this.#committed,
      `entry ${first.index} would replace what is committed up to ${this.#committed}`,
    );
    this.unstable.truncateAndAppend(entries);
  }

  /**
   * The follower's appending (paper, figure 2, AppendEntries 2 to 5): false if the log has no entry `previous`. What
   * is there stays there, unless it conflicts: a message that came late, and holds less than the log, takes nothing
   * away.
   */
  maybeAppend(previous: EntryId, entries: readonly Entry[], leaderCommit: number): boolean {
    if (!this.matchTerm(previous)) {
      return false;
    }
    const fresh = entries.findIndex((entry) => !this.matchTerm(entry));
    if (fresh !== -1) {
      this.append(entries.slice(fresh));
    }
    // The log is known to agree with the leader's only as far as this message reaches.
    this.commitTo(Math.min(leaderCommit, previous.index + entries.length));
    return true;
  }

  /**
   * Where this log may begin to agree with another one, of which no more is known than that it has entry `index` of
   * `term`, or nothing of a later term up to there: the last entry up to `index` whose term is not later than `term`.
   * Where the own term is not known, that entry may be the one; it is then reported with term 0.
   */
  findConflictByTerm(index: number, term: number): EntryId {
    for (let guess = index; guess > 0; guess -= 1) {
      const own = this.term(guess);
      if (typeof own !== 'number') {
        return { term: 0, index: guess };
      }
      if (own <= term) {
        return { term: own, index: guess };
      }
    }
    return { term: 0, index: 0 };
  }

  /** The leader's committing: an entry of an earlier term is never committed by counting (paper, 5.4.2). */
  maybeCommit(id: EntryId): boolean {
    if (id.term === 0 || id.index <= this.#committed || !this.matchTerm(id)) {
      return false;
    }
    this.commitTo(id.index);
    return true;
  }

  commitTo(index: number): void {
    if (index <= this.#committed) {
      return;
    }
    invariant(
      index <= this.lastIndex(),
      `entry ${index} is committed, and the log ends with ${this.lastIndex()}: it has lost what it acknowledged`,
    );
    this.#committed = index;
  }

  /**
   * Committed entries that were not handed out yet. `allowUnstable` lets out entries that this node does not have on
   * disk itself; a quorum has.
   */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) {
      return [];
    }
    const room = this.#maxApplyingBytes - this.#applyingBytes;
    invariant(room > 0, 'applying is paused while its limit is reached');
    const entries = this.slice(this.#applying + 1, this.#maxAppliable(allowUnstable) + 1, room);
    invariant(entries !== 'compacted', 'nothing is compacted before it is applied');
    return entries;
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    // A snapshot comes first, and it may stand for what would be applied.
    return (
      !this.#applyingPaused &&
      this.unstable.snapshot === undefined &&
      this.#applying < this.#maxAppliable(allowUnstable)
    );
  }

  /** Committed entries, `bytes` of them, were handed out up to `index`. */
  acceptApplying(index: number, bytes: number, allowUnstable: boolean): void {
    invariant(
      this.#applying <= index && index <= this.#committed,
      `entry ${index} is handed out, after ${this.#applying} and before ${this.#committed}`,
    );
    this.#applying = index;
    this.#applyingBytes += bytes;
    // What was held back for the limit's sake would not fit either once a single small entry is applied.
    this.#applyingPaused =
      this.#applyingBytes >= this.#maxApplyingBytes || index < this.#maxAppliable(allowUnstable);
  }

  /** The state machine has applied everything up to `index`, `bytes` of what it was handed. */
  appliedTo(index: number, bytes: number): void {
    invariant(
      this.#applied <= index && index <= this.#committed,
      `entry ${index} is applied, after ${this.#applied} and before ${this.#committed}`,
    );
    this.#applied = index;
    this.#applying = Math.max(this.#applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#applyingPaused = this.#applyingBytes >= this.#maxApplyingBytes;
  }

  /** The newest snapshot that there is to send. */
  snapshot(): Snapshot | undefined {
    return this.unstable.snapshot ?? this.#storage.snapshot();
  }

  /** The snapshot takes the place of the whole log. */
  restore(snapshot: Snapshot): void {
    this.#committed = snapshot.metadata.index;
    this.unstable.restore(snapshot);
  }

  #maxAppliable(allowUnstable: boolean): number {
    return allowUnstable ? this.#committed : Math.min(this.#committed, this.unstable.offset - 1);
  }
}

/** The pointers in a line, for tests and traces. */
export function describeLog(log: RaftLog): string {
  return [
    `committed=${log.committed}, applied=${log.applied}, applying=${log.applying}`,
    `unstable.offset=${log.unstable.offset}, unstable.offsetInProgress=${log.unstable.offsetInProgress}`,
    `len(unstable.Entries)=${log.unstable.count}`,
  ].join(', ');
}
