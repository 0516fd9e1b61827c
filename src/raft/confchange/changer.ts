// SPDX-License-Identifier: Apache-2.0
// The algebra of configurations: each operation takes one and gives a new one, or throws and has changed nothing.
import { invariant } from '../../common/index.ts';
import { isJoint } from '../tracker/index.ts';
import type { ConfChangeSingle, NodeId } from '../types.ts';
import { type Changed, type ChangerState, Draft } from './draft.ts';

/**
 * Makes changes that alter the voters by one at most (learners by any number) in one step: every majority of the old
 * voters then shares a member with every majority of the new ones (thesis, 4.1). Throws `internal.invariant` if more
 * voters change, if none is left, or if the configuration is joint.
 */
export function simple(changer: ChangerState, changes: readonly ConfChangeSingle[]): Changed {
  const { config } = changer.tracker;
  const draft = new Draft(changer);
  invariant(!isJoint(config), 'a joint configuration must be left before the next change');
  draft.apply(changes);
  invariant(
    countDifferences(config.voters.incoming, draft.incoming) <= 1,
    'voters change one at a time, or else by a joint configuration',
  );
  return draft.finish();
}

/**
 * Goes to the joint configuration (thesis, 4.3) of the present voters, as the outgoing ones, and of those that the
 * changes lead to. With `autoLeave` the leader leaves it by itself. Throws `internal.invariant` if the configuration
 * is joint already, or if there is no voter before or after.
 */
export function enterJoint(
  changer: ChangerState,
  autoLeave: boolean,
  changes: readonly ConfChangeSingle[],
): Changed {
  const { config } = changer.tracker;
  const draft = new Draft(changer);
  invariant(!isJoint(config), 'a joint configuration must be left before the next one');
  invariant(config.voters.incoming.size > 0, 'without voters there is nothing to be joined with');
  draft.enterJoint(autoLeave);
  draft.apply(changes);
  return draft.finish();
}

/** Leaves a joint configuration: the incoming voters decide alone. Throws `internal.invariant` if it is not joint. */
export function leaveJoint(changer: ChangerState): Changed {
  const draft = new Draft(changer);
  invariant(isJoint(changer.tracker.config), 'only a joint configuration can be left');
  draft.leaveJoint();
  return draft.finish();
}

function countDifferences(one: ReadonlySet<NodeId>, other: ReadonlySet<NodeId>): number {
  const removed = [...one].filter((id) => !other.has(id));
  const added = [...other].filter((id) => !one.has(id));
  return removed.length + added.length;
}
