// SPDX-License-Identifier: Apache-2.0
// Nodes that were members once. One that comes back under its old id, with a disk that was wiped, would vote a second time
// in a term in which it has voted: an id is used once.
import { CofferError, invariant } from '../../common/index.ts';
import { type AnyConfChange, asV2, type ConfState, type NodeId } from '../../raft/index.ts';
import { REMOVED_NODES_MAX } from './record-codec.ts';

/**
 * The nodes that are removed once `before` has given way to `after`. A node that is in either half of a joint
 * configuration is a member, and so is a learner.
 */
export function removedWith(
  removed: ReadonlySet<NodeId>,
  before: ConfState,
  after: ConfState,
): ReadonlySet<NodeId> {
  const members = new Set(membersOf(after));
  const left = membersOf(before).filter((id) => !members.has(id));
  if (left.length === 0) {
    return removed;
  }
  const all = new Set([...removed, ...left].sort((a, b) => a - b));
  invariant(all.size <= REMOVED_NODES_MAX, `a cluster removes ${REMOVED_NODES_MAX} nodes at most`);
  return all;
}

/** Why a change is not put into effect: it adds a node that was removed. Undefined if it may be. */
export function removedNodeError(
  removed: ReadonlySet<NodeId>,
  change: AnyConfChange,
): CofferError | undefined {
  const adds = new Set(['ConfChangeAddNode', 'ConfChangeAddLearnerNode']);
  const back = asV2(change).changes.find(({ type, nodeId }) => adds.has(type) && removed.has(nodeId));
  return back === undefined
    ? undefined
    : new CofferError(
        'cluster.node-removed',
        `node ${back.nodeId.toString(16)} was removed; a removed node comes back under a new id`,
        { hint: 'Move its state directory away, so that it makes itself a new id, and let it join again.' },
      );
}

function membersOf({ voters, learners, votersOutgoing, learnersNext }: ConfState): readonly NodeId[] {
  return [...voters, ...learners, ...votersOutgoing, ...learnersNext];
}
