// SPDX-License-Identifier: Apache-2.0
// The cluster in the eyes of one node: its configuration, its peers' progress, and the votes of an election.
import { ascending, jointCommitted, jointIds, jointVote, type VoteResult } from '../quorum/index.ts';
import type { ConfState, NodeId } from '../types.ts';
import { confStateOf, emptyConfig, type TrackerConfig } from './config.ts';
import type { Progress } from './progress.ts';

/** The votes of an election so far. */
export interface Tally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

/**
 * Counts for commits, for elections and for the check that a quorum is alive, all by the same quorum functions. A
 * peer that is recovering is left out of every count: it has lost what it once answered for, so neither its
 * acknowledgements nor its votes may be built on.
 */
export class ProgressTracker {
  readonly maxInflight: number;
  readonly maxInflightBytes: number;
  /** Replaced as a whole, together with `progress`, by what `src/raft/confchange` returns. */
  config: TrackerConfig = emptyConfig();
  /** All members, learners and this node itself included. */
  progress: ReadonlyMap<NodeId, Progress> = new Map();
  #votes = new Map<NodeId, boolean>();

  /** The bounds of each peer's window: messages, and bytes with 0 for no bound. */
  constructor(maxInflight: number, maxInflightBytes: number) {
    this.maxInflight = maxInflight;
    this.maxInflightBytes = maxInflightBytes;
  }

  /** Who granted (true) or refused (false) so far. */
  get votes(): ReadonlyMap<NodeId, boolean> {
    return this.#votes;
  }

  /** The configuration as it is stored. */
  confState(): ConfState {
    return confStateOf(this.config);
  }

  /** Whether one voter decides alone. */
  isSingleton(): boolean {
    return this.config.voters.incoming.size === 1 && this.config.voters.outgoing.size === 0;
  }

  /** The highest index that is durable on a quorum; Infinity without voters. Its entry's term is the caller's matter. */
  committed(): number {
    return jointCommitted(this.config.voters, (id) => {
      const progress = this.progress.get(id);
      return progress === undefined || isRecovering(progress) ? undefined : progress.match;
    });
  }

  /** Calls `fn` for each member in ascending order of ids, so that a run can be repeated message by message. */
  visit(fn: (id: NodeId, progress: Progress) => void): void {
    const members = [...this.progress].sort(([a], [b]) => ascending(a, b));
    for (const [id, progress] of members) {
      fn(id, progress);
    }
  }

  /** Whether a quorum of voters was heard from since the marks were cleared. */
  quorumActive(): boolean {
    const active = new Map<NodeId, boolean>();
    for (const [id, progress] of this.progress) {
      if (!progress.isLearner && !isRecovering(progress)) {
        active.set(id, progress.recentActive);
      }
    }
    return jointVote(this.config.voters, active) === 'VoteWon';
  }

  /** The voters of both halves, in ascending order. */
  voterNodes(): readonly NodeId[] {
    return jointIds(this.config.voters);
  }

  /** Begins the count of an election anew. */
  resetVotes(): void {
    this.#votes = new Map();
  }

  /** Takes a node's vote. Only its first one counts: a vote is not changed. */
  recordVote(id: NodeId, granted: boolean): void {
    if (!this.#votes.has(id)) {
      this.#votes.set(id, granted);
    }
  }

  /** The votes of the present voters, and how the election stands. */
  tallyVotes(): Tally {
    const counted = new Map<NodeId, boolean>();
    for (const [id, granted] of this.#votes) {
      const progress = this.progress.get(id);
      if (progress !== undefined && !progress.isLearner && !isRecovering(progress)) {
        counted.set(id, granted);
      }
    }
    const granted = [...counted.values()].filter((vote) => vote).length;
    const result = jointVote(this.config.voters, counted);
    return { granted, rejected: counted.size - granted, result };
  }
}

function isRecovering(progress: Progress): boolean {
  return progress.recoveringTerm !== 0;
}
