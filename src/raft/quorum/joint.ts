// SPDX-License-Identifier: Apache-2.0
// Quorums while the configuration changes: a decision needs a majority of the old voters and one of the new ones, so
// that at no moment two disjoint groups can decide (thesis, 4.3).
import type { NodeId } from '../types.ts';
import {
  type AckedIndex,
  describeIds,
  majorityCommitted,
  majorityVote,
  type VoteResult,
} from './majority.ts';
import { ascending } from './order.ts';

/** The voters. The configuration is joint if `outgoing` is not empty; else `incoming` decides alone. */
export interface JointConfig {
  readonly incoming: ReadonlySet<NodeId>;
  readonly outgoing: ReadonlySet<NodeId>;
}

/** The highest index that both majorities have acknowledged; Infinity if there are no voters. */
export function jointCommitted(config: JointConfig, acked: AckedIndex): number {
  return Math.min(majorityCommitted(config.incoming, acked), majorityCommitted(config.outgoing, acked));
}

/** Won if both majorities granted, lost if either cannot do so any more. */
export function jointVote(config: JointConfig, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const incoming = majorityVote(config.incoming, votes);
  const outgoing = majorityVote(config.outgoing, votes);
  if (incoming === outgoing) {
    return incoming;
  }
  return incoming === 'VoteLost' || outgoing === 'VoteLost' ? 'VoteLost' : 'VotePending';
}

/** All who vote in either half, in ascending order. */
export function jointIds(config: JointConfig): readonly NodeId[] {
  return [...new Set([...config.incoming, ...config.outgoing])].sort(ascending);
}

/** As `(1 2 3)`, or `(1 2 3)&&(1)` with the outgoing voters second. */
export function describeJoint(config: JointConfig): string {
  const incoming = describeIds(config.incoming);
  return config.outgoing.size === 0 ? incoming : `${incoming}&&${describeIds(config.outgoing)}`;
}
