// SPDX-License-Identifier: Apache-2.0
// Raft in a cluster of one voter: every rule holds, and every quorum is the node itself.
import { invariant } from '../common/index.ts';
import type { Entry, HardState, RaftNode, RaftStatus, Ready } from './types.ts';

export interface SoleVoterOptions {
  readonly nodeId: string;
  readonly hardState: HardState;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The entries after `hardState.commit`, which a crash left uncertain: the new term commits them. */
  readonly uncommitted: readonly Entry[];
  readonly appliedIndex: number;
}

/**
 * The core for one voter. An election is won by its own vote, an entry is committed once it is durable here. As
 * in Raft, entries of earlier terms are committed only by an entry of the leader's own term (thesis, 3.6.2).
 */
export class SoleVoter implements RaftNode {
  readonly #nodeId: string;
  #leading = false;
  #hardState: HardState;
  #hardStateChanged = false;
  #lastIndex: number;
  /** The entry that this node's leadership began with. */
  #termStartIndex = 0;
  #durableIndex: number;
  #appliedIndex: number;
  /** Entries that were not handed out for appending yet. */
  #unstable: Entry[] = [];
  /** Entries after the commit index, kept until they are handed out as committed. */
  #uncommitted: Entry[];
  #committed: Entry[] = [];

  constructor(options: SoleVoterOptions) {
    this.#nodeId = options.nodeId;
    this.#hardState = options.hardState;
    this.#lastIndex = options.lastIndex;
    this.#durableIndex = options.lastIndex;
    this.#appliedIndex = options.appliedIndex;
    this.#uncommitted = [...options.uncommitted];
    invariant(options.appliedIndex <= options.hardState.commit, 'no more is applied than is committed');
    invariant(
      options.uncommitted.length === options.lastIndex - options.hardState.commit,
      'what is not committed is all there',
    );
    invariant(options.hardState.term >= options.lastTerm, 'no entry is of a later term than the node');
  }

  campaign(): void {
    this.#leading = true;
    this.#hardState = { term: this.#hardState.term + 1, vote: this.#nodeId, commit: this.#hardState.commit };
    this.#hardStateChanged = true;
    this.#termStartIndex = this.#append(Buffer.alloc(0)).index;
  }

  propose(data: Buffer): { readonly index: number; readonly term: number } {
    invariant(this.#leading, 'only the leader takes proposals');
    return this.#append(data);
  }

  readIndex(): number | undefined {
    // Before an entry of its own term is committed, a leader does not know how far the log is committed (thesis, 6.4).
    return this.#leading && this.#hardState.commit >= this.#termStartIndex
      ? this.#hardState.commit
      : undefined;
  }

  hasReady(): boolean {
    return this.#hardStateChanged || this.#unstable.length > 0 || this.#committed.length > 0;
  }

  ready(): Ready {
    const ready: Ready = {
      hardState: this.#hardStateChanged ? this.#hardState : undefined,
      entries: this.#unstable,
      committedEntries: this.#committed,
    };
    this.#hardStateChanged = false;
    this.#unstable = [];
    this.#committed = [];
    return ready;
  }

  appended(index: number, term: number): void {
    invariant(index > this.#durableIndex && index <= this.#lastIndex, 'what becomes durable was appended');
    this.#durableIndex = index;
    if (term !== this.#hardState.term) {
      return;
    }
    const count = index - this.#hardState.commit;
    this.#committed.push(...this.#uncommitted.splice(0, count));
    this.#hardState = { ...this.#hardState, commit: index };
    invariant(this.#committed.at(-1)?.index === index, 'the log is committed without gaps');
  }

  applied(index: number): void {
    invariant(
      index > this.#appliedIndex && index <= this.#hardState.commit,
      'only what is committed is applied',
    );
    this.#appliedIndex = index;
  }

  status(): RaftStatus {
    return {
      role: this.#leading ? 'leader' : 'follower',
      term: this.#hardState.term,
      commitIndex: this.#hardState.commit,
      appliedIndex: this.#appliedIndex,
      lastIndex: this.#lastIndex,
    };
  }

  #append(data: Buffer): Entry {
    const entry: Entry = { index: this.#lastIndex + 1, term: this.#hardState.term, data };
    this.#lastIndex = entry.index;
    this.#unstable.push(entry);
    this.#uncommitted.push(entry);
    return entry;
  }
}
