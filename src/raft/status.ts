// SPDX-License-Identifier: Apache-2.0
// What a node tells of itself to those who watch it.
import type { Raft } from './raft.ts';
import type { Progress, TrackerConfig } from './tracker/index.ts';
import type { HardState, NodeId, SoftState } from './types.ts';

/** What can be asked for at any rate. */
export interface BasicStatus extends HardState, SoftState {
  readonly id: NodeId;
  readonly applied: number;
  /** The last entry of the log, durable or not. */
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** To whom the leader is handing over; `NONE` for nobody. */
  readonly leadTransferee: NodeId;
  /** Not 0 while the node recovers; it may change to 0 whenever the node was told something. */
  readonly recoveringTerm: number;
}

export interface Status extends BasicStatus {
  readonly config: TrackerConfig;
  /** Copies of what a leader knows of all members, in ascending order; empty for others. */
  readonly progress: ReadonlyMap<NodeId, Progress>;
}

export function basicStatusOf(raft: Raft): BasicStatus {
  const { index: lastIndex, term: lastTerm } = raft.log.lastEntryId();
  return {
    id: raft.id,
    ...raft.hardState,
    ...raft.softState,
    applied: raft.log.applied,
    lastIndex,
    lastTerm,
    leadTransferee: raft.leadTransferee,
    recoveringTerm: raft.recoveringTerm,
  };
}

export function statusOf(raft: Raft): Status {
  const progress = new Map<NodeId, Progress>();
  if (raft.state === 'StateLeader') {
    raft.tracker.visit((id, member) => progress.set(id, member.clone()));
  }
  return { ...basicStatusOf(raft), config: raft.tracker.config, progress };
}
