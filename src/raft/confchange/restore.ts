// SPDX-License-Identifier: Apache-2.0
// From a configuration as it is stored back to one that quorums are counted in.
import { invariant } from '../../common/index.ts';
import { ascending } from '../quorum/index.ts';
import { confStateOf, emptyConfig } from '../tracker/index.ts';
import type { ConfChangeSingle, ConfChangeType, ConfState, NodeId } from '../types.ts';
import { enterJoint, simple } from './changer.ts';
import type { Changed, ChangerState } from './draft.ts';

/**
 * The configuration that `confState` tells of, with fresh progress for each member; whatever the tracker held before
 * is left out of account. It is built by the same changes that could have led there, so it is sound for the same
 * reasons. Throws `internal.invariant` for a `confState` to which no changes lead.
 */
export function restore(changer: ChangerState, confState: ConfState): Changed {
  const { voters, votersOutgoing, learners, learnersNext } = confState;
  const target = [
    ...changesOf('ConfChangeAddNode', voters),
    ...changesOf('ConfChangeAddLearnerNode', learners),
    ...changesOf('ConfChangeAddLearnerNode', learnersNext),
  ];
  const empty: Changed = { config: emptyConfig(), progress: new Map() };
  let changed: Changed;
  if (votersOutgoing.length === 0) {
    changed = oneByOne(changer, empty, target);
  } else {
    // First the cluster as it was before, then all that changed in one joint step: everybody out, the new ones in. A
    // voter that becomes a learner is an outgoing voter by then, and is thereby put among those that wait for it.
    const before = oneByOne(changer, empty, changesOf('ConfChangeAddNode', votersOutgoing));
    const removals = changesOf('ConfChangeRemoveNode', votersOutgoing);
    changed = enterJoint(withChanged(changer, before), confState.autoLeave, [...removals, ...target]);
  }
  invariant(
    sameConfState(confStateOf(changed.config), confState),
    'a stored configuration is one to which changes lead',
  );
  return changed;
}

/** Whether two are the same, in whatever order they list their members. */
export function sameConfState(one: ConfState, other: ConfState): boolean {
  return (
    one.autoLeave === other.autoLeave &&
    sameIds(one.voters, other.voters) &&
    sameIds(one.learners, other.learners) &&
    sameIds(one.votersOutgoing, other.votersOutgoing) &&
    sameIds(one.learnersNext, other.learnersNext)
  );
}

function sameIds(one: readonly NodeId[], other: readonly NodeId[]): boolean {
  const sorted = [...other].sort(ascending);
  return one.length === other.length && [...one].sort(ascending).every((id, place) => id === sorted[place]);
}

function changesOf(type: ConfChangeType, ids: readonly NodeId[]): readonly ConfChangeSingle[] {
  return ids.map((nodeId) => ({ type, nodeId }));
}

function oneByOne(changer: ChangerState, start: Changed, changes: readonly ConfChangeSingle[]): Changed {
  return changes.reduce((changed, change) => simple(withChanged(changer, changed), [change]), start);
}

function withChanged({ tracker, lastIndex }: ChangerState, { config, progress }: Changed): ChangerState {
  const { maxInflight, maxInflightBytes } = tracker;
  return { tracker: { config, progress, maxInflight, maxInflightBytes }, lastIndex };
}
