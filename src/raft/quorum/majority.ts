// SPDX-License-Identifier: Apache-2.0
// What a majority of one set of voters has agreed to. Everything that Raft decides, it decides by this count.
import type { NodeId } from '../types.ts';
import { ascending } from './order.ts';

/** How an election stands: `VotePending` while the votes that are still out can turn it either way. */
export type VoteResult = 'VotePending' | 'VoteLost' | 'VoteWon';

/** The last index that a node has acknowledged; `undefined` if nothing is known of it. */
export type AckedIndex = (id: NodeId) => number | undefined;

/** The least number of voters such that any two groups of it share a member. */
function majorityOf(voters: ReadonlySet<NodeId>): number {
  return Math.floor(voters.size / 2) + 1;
}

/**
 * The highest index that a majority of `voters` has acknowledged. A voter of which nothing is known has
 * acknowledged nothing, so it counts as 0. For no voters at all the answer is Infinity: the empty half of a joint
 * configuration must not hold back the other half.
 */
export function majorityCommitted(voters: ReadonlySet<NodeId>, acked: AckedIndex): number {
  if (voters.size === 0) {
    return Infinity;
  }
  // The index at this place, and so each below it, has been reached by the voters from there on: just a majority.
  const acks = Array.from(voters, (id) => acked(id) ?? 0).sort(ascending);
  return acks[voters.size - majorityOf(voters)] ?? 0;
}

/**
 * How an election among `voters` stands, where `votes` holds who granted (true) and who refused (false); the votes of
 * others are disregarded. It is lost as soon as the missing votes cannot win it. Without voters it is won, since
 * the empty half of a joint configuration must not decide anything.
 */
export function majorityVote(voters: ReadonlySet<NodeId>, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  if (voters.size === 0) {
    return 'VoteWon';
  }
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) {
      missing += 1;
    } else if (vote) {
      granted += 1;
    }
  }
  const needed = majorityOf(voters);
  if (granted >= needed) {
    return 'VoteWon';
  }
  return granted + missing >= needed ? 'VotePending' : 'VoteLost';
}

/** The ids in ascending order, as `(1 2 3)`; in hexadecimal, as etcd's raft library prints them. */
export function describeIds(ids: ReadonlySet<NodeId>): string {
  const words = [...ids].sort(ascending).map((id) => id.toString(16));
  return `(${words.join(' ')})`;
}
