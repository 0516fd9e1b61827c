// SPDX-License-Identifier: Apache-2.0
// What changes when the cluster's members change (paper, 6; thesis, 4). A configuration is in effect from when it is
// applied.
import {
  asV2,
  type Changed,
  enterJoint,
  enterJointOf,
  leaveJoint,
  leavesJoint,
  simple,
} from './confchange/index.ts';
import type { Raft } from './raft.ts';
import { releaseEarlyReads } from './read-index.ts';
import { broadcastAppend, maybeSendAppend } from './replication.ts';
import { describeConfig } from './tracker/index.ts';
import { type AnyConfChange, type ConfState, NONE } from './types.ts';

/** Puts a committed change into effect. Throws as `changedConfiguration` does. */
export function applyConfChange(raft: Raft, change: AnyConfChange): ConfState {
  return switchToConfig(raft, changedConfiguration(raft, change));
}

/**
 * What the change makes of the present configuration, which stays as it is. Throws `internal.invariant` for a change
 * that leads nowhere from there.
 */
export function changedConfiguration(raft: Raft, change: AnyConfChange): Changed {
  const changer = { tracker: raft.tracker, lastIndex: raft.log.lastIndex() };
  const request = asV2(change);
  if (leavesJoint(request)) {
    return leaveJoint(changer);
  }
  const joint = enterJointOf(request);
  return joint === undefined
    ? simple(changer, request.changes)
    : enterJoint(changer, joint.autoLeave, request.changes);
}

/** Counts by the new configuration from now on, and lets a leader draw its conclusions. */
export function switchToConfig(raft: Raft, { config, progress }: Changed): ConfState {
  raft.tracker.config = config;
  raft.tracker.progress = progress;
  raft.trace?.(`goes over to the configuration ${describeConfig(config)}`);
  const confState = raft.tracker.confState();
  if (raft.state !== 'StateLeader') {
    return confState;
  }
  if (raft.ownProgress === undefined || raft.ownProgress.isLearner) {
    // Without stepping down it leads on, though it counts in no quorum any more (thesis, 4.2.2).
    if (raft.config.stepDownOnRemoval) {
      raft.becomeFollower(raft.term, NONE);
    }
    return confState;
  }
  if (raft.maybeCommit()) {
    // The new quorum may be the smaller one.
    releaseEarlyReads(raft);
    broadcastAppend(raft);
  } else {
    // New members should not have to wait for a heartbeat or a proposal.
    raft.tracker.visit((id) => {
      if (id !== raft.id) {
        maybeSendAppend(raft, id, false);
      }
    });
  }
  if (!raft.tracker.voterNodes().includes(raft.leadTransferee)) {
    raft.leadTransferee = NONE;
  }
  return confState;
}
