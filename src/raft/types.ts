// SPDX-License-Identifier: Apache-2.0
// The words that the Raft core and its driver share. They are those of etcd's raft library.

/** An entry of the replicated log. `data` is empty for the entry that a new leader begins its term with. */
export interface Entry {
  /** Counts from 1 without gaps. */
  readonly index: number;
  readonly term: number;
  readonly data: Buffer;
}

/** What a node must have on disk before it may answer for it: one record, since a vote belongs to its term. */
export interface HardState {
  readonly term: number;
  /** The node voted for in `term`; empty for none. */
  readonly vote: string;
  readonly commit: number;
}

/** What the core asks of its driver. An empty one asks for nothing. */
export interface Ready {
  /** To be written with `entries`, in one synced batch; undefined if it did not change. */
  readonly hardState: HardState | undefined;
  /** To be appended to the log. `appended` reports that they are durable. */
  readonly entries: readonly Entry[];
  /** Committed and durable, to be applied in order. `applied` reports it. */
  readonly committedEntries: readonly Entry[];
}

export interface RaftStatus {
  readonly role: 'leader' | 'follower' | 'candidate';
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
}

/**
 * A Raft core: a deterministic state machine without clock, I/O or randomness. Its driver writes what `ready`
 * hands out, and tells it when that is done.
 */
export interface RaftNode {
  /** Stands for election. */
  campaign(): void;
  /** Appends a proposal, which the core keeps until it is durable. Only the leader takes one. */
  propose(data: Buffer): { readonly index: number; readonly term: number };
  /** The index that must be applied locally before a read that begins now is linearizable; undefined: not known yet. */
  readIndex(): number | undefined;
  hasReady(): boolean;
  /** Hands out what is to be done, each thing once. */
  ready(): Ready;
  /** The log is durable up to this entry. */
  appended(index: number, term: number): void;
  /** The state is applied up to this entry. */
  applied(index: number): void;
  status(): RaftStatus;
}
