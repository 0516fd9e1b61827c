// SPDX-License-Identifier: Apache-2.0
// What a leader knows of one peer's log, and how it sends to it.
import { invariant, unreachable } from '../../common/index.ts';
import type { Inflights } from './inflights.ts';

/**
 * `StateProbe`: where the logs agree is not known, so one append goes out and its answer is waited for.
 * `StateReplicate`: it is known, so appends follow one another without waiting, as far as the window allows.
 * `StateSnapshot`: the peer needs entries that the leader has compacted, so nothing is sent until it has the snapshot.
 */
export type ProgressState = 'StateProbe' | 'StateReplicate' | 'StateSnapshot';

/** What a peer's progress begins with: in `StateProbe`, with nothing on its way. */
export interface ProgressOptions {
  /** 0 if absent, like the flags below. */
  readonly match?: number;
  readonly next: number;
  readonly inflights: Inflights;
  readonly isLearner?: boolean;
  readonly recentActive?: boolean;
}

/** One peer in the eyes of the leader. At all times 0 <= `match` < `next`. */
export class Progress {
  /** Set once the peer is heard from, and cleared at each check of the quorum. */
  recentActive: boolean;
  /**
   * Set when what was sent must be answered before more is sent: for a probe, and for a full window. Any sign of
   * life clears it, so that one more append is tried even if all before it were lost.
   */
  msgAppFlowPaused = false;
  /** A learner is sent everything and counts in no quorum. */
  isLearner: boolean;
  /** Not 0 for a peer that has lost what it had acknowledged in terms up to this one: it counts in no quorum. */
  recoveringTerm = 0;
  /**
   * Whether a refusal may take `match` back: once between two heartbeats. Refusals that are late would otherwise
   * have all sent again that has arrived since, and bring about as many more.
   */
  mayRegress = true;
  /** Appends on their way; in use in `StateReplicate` only. */
  readonly inflights: Inflights;
  #match: number;
  #next: number;
  #sentCommit = 0;
  #state: ProgressState = 'StateProbe';
  #pendingSnapshot = 0;

  constructor(options: ProgressOptions) {
    this.#match = options.match ?? 0;
    this.#next = options.next;
    this.inflights = options.inflights;
    this.isLearner = options.isLearner ?? false;
    this.recentActive = options.recentActive ?? false;
    invariant(this.#match >= 0 && this.#match < this.#next, 'a peer is sent what comes after what it has');
  }

  /** Up to here the peer's durable log is known to be the leader's. */
  get match(): number {
    return this.#match;
  }

  /** The next entry to send. Those between `match` and it are on their way. */
  get next(): number {
    return this.#next;
  }

  /** The highest commit index that was sent, as far as the peer is likely to have taken it over. */
  get sentCommit(): number {
    return this.#sentCommit;
  }

  get state(): ProgressState {
    return this.#state;
  }

  /** The index of the snapshot that the peer is being sent; 0 outside of `StateSnapshot`. */
  get pendingSnapshot(): number {
    return this.#pendingSnapshot;
  }

  /** Enters a state with nothing on its way and nothing waited for. The other indexes stay as they are. */
  resetState(state: ProgressState): void {
    this.msgAppFlowPaused = false;
    this.#pendingSnapshot = 0;
    this.#state = state;
    this.inflights.reset();
  }

  /** Looks for the place where the logs agree: after `match`, or after the snapshot if one was on its way. */
  becomeProbe(): void {
    // `pendingSnapshot` is 0 but in StateSnapshot, and a snapshot that failed has been taken back by then.
    const next = Math.max(this.#match, this.#pendingSnapshot) + 1;
    this.resetState('StateProbe');
    this.#next = next;
    this.#lowerSentCommit();
  }

  /** The logs agree up to `match`: sends all that comes after it, without waiting. */
  becomeReplicate(): void {
    this.resetState('StateReplicate');
    this.#next = this.#match + 1;
  }

  /** Waits for the peer to take over the snapshot at `index`. */
  becomeSnapshot(index: number): void {
    invariant(index >= this.#match, 'a snapshot is sent only to a peer that lacks it');
    this.resetState('StateSnapshot');
    this.#pendingSnapshot = index;
    this.#next = index + 1;
    this.#sentCommit = index;
  }

  /** The snapshot did not arrive, so that the next probe does not build on it. */
  abandonSnapshot(): void {
    this.#pendingSnapshot = 0;
  }

  /** An append with `count` entries from `next` on, `bytes` in all, has left. None are sent in `StateSnapshot`. */
  sentEntries(count: number, bytes: number): void {
    invariant(this.#state !== 'StateSnapshot', 'a peer that waits for a snapshot is sent no entries');
    switch (this.#state) {
      case 'StateReplicate':
        if (count > 0) {
          this.#next += count;
          this.inflights.add(this.#next - 1, bytes);
        }
        this.msgAppFlowPaused = this.inflights.full();
        return;
      case 'StateProbe':
        // An empty append costs little, and the commit index that it carries may be news: it pauses nothing.
        if (count > 0) {
          this.msgAppFlowPaused = true;
        }
        return;
      default:
        return unreachable(this.#state);
    }
  }

  /** Whether the peer could commit further if it were sent commit index `index`, beyond what it was sent before. */
  canBumpCommit(index: number): boolean {
    // A peer commits no more than it has, which is at most up to `next` - 1.
    return index > this.#sentCommit && this.#sentCommit < this.#next - 1;
  }

  /** The peer was sent commit index `index`. It may be lower than before, where less is known of the peer now. */
  sentCommitTo(index: number): void {
    this.#sentCommit = index;
  }

  /** The peer acknowledged everything up to `index`. False, and nothing changes, if that was known. */
  maybeUpdate(index: number): boolean {
    if (index <= this.#match) {
      return false;
    }
    this.#match = index;
    this.#next = Math.max(this.#next, index + 1);
    this.msgAppFlowPaused = false;
    return true;
  }

  /**
   * The peer refused an append whose entries followed `rejected`, and the logs may agree at `matchHint`. False, and
   * nothing changes, if this is the late answer to an append that is not waited for. Otherwise `next` goes back, and
   * a peer in `StateReplicate` must become one in `StateProbe` before it is sent more.
   */
  maybeDecrTo(rejected: number, matchHint: number): boolean {
    if (this.#state === 'StateReplicate') {
      if (rejected <= this.#match) {
        return false;
      }
      this.#next = this.#match + 1;
      this.#lowerSentCommit();
      return true;
    }
    // A probe is one append at a time, so an answer that does not fit it belongs to an earlier one.
    if (rejected !== this.#next - 1) {
      return false;
    }
    this.#next = Math.max(Math.min(rejected, matchHint + 1), this.#match + 1);
    this.#lowerSentCommit();
    this.msgAppFlowPaused = false;
    return true;
  }

  /**
   * The peer has lost what it had acknowledged after `index`: the one case in which `match` goes back. Only a peer
   * with a `recoveringTerm` may say so, because commits were counted on the word of any other.
   */
  regressTo(index: number): void {
    invariant(this.recoveringTerm !== 0, 'a peer that is whole has kept what it acknowledged');
    if (index < this.#match) {
      this.#match = index;
      if (this.#state !== 'StateSnapshot') {
        this.becomeProbe();
      }
    }
  }

  /** Whether entries must not be sent now. */
  isPaused(): boolean {
    switch (this.#state) {
      case 'StateProbe':
      case 'StateReplicate':
        return this.msgAppFlowPaused;
      case 'StateSnapshot':
        return true;
      default:
        return unreachable(this.#state);
    }
  }

  /** An equal one that shares nothing with this one. */
  clone(): Progress {
    const copy = new Progress({
      match: this.#match,
      next: this.#next,
      inflights: this.inflights.clone(),
      isLearner: this.isLearner,
      recentActive: this.recentActive,
    });
    copy.msgAppFlowPaused = this.msgAppFlowPaused;
    copy.recoveringTerm = this.recoveringTerm;
    copy.mayRegress = this.mayRegress;
    copy.#sentCommit = this.#sentCommit;
    copy.#state = this.#state;
    copy.#pendingSnapshot = this.#pendingSnapshot;
    return copy;
  }

  /** What was sent of the commit index after `next` - 1 went with entries that the peer does not have. */
  #lowerSentCommit(): void {
    this.#sentCommit = Math.min(this.#sentCommit, this.#next - 1);
  }
}
