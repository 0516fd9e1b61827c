// SPDX-License-Identifier: Apache-2.0
// Who takes part in the cluster, in the form that quorums are counted in.
import { ascending, describeIds, describeJoint, type JointConfig } from '../quorum/index.ts';
import type { ConfState, NodeId } from '../types.ts';

/**
 * A configuration. Learners are sent the log and count in no quorum; nobody is both a learner and a voter of either
 * half. Therefore a voter that is to become a learner waits in `learnersNext`, while the joint configuration still
 * counts it among its outgoing voters.
 */
export interface TrackerConfig {
  readonly voters: JointConfig;
  /** Whether the leader leaves the joint configuration by itself; false if it is not joint. */
  readonly autoLeave: boolean;
  readonly learners: ReadonlySet<NodeId>;
  readonly learnersNext: ReadonlySet<NodeId>;
}

/** The configuration with nobody in it. */
export function emptyConfig(): TrackerConfig {
  return {
    voters: { incoming: new Set(), outgoing: new Set() },
    autoLeave: false,
    learners: new Set(),
    learnersNext: new Set(),
  };
}

/** Whether the voters are those of a transition, old and new ones. */
export function isJoint(config: TrackerConfig): boolean {
  return config.voters.outgoing.size > 0;
}

/** The configuration as it is stored, in ascending order. */
export function confStateOf(config: TrackerConfig): ConfState {
  return {
    voters: sorted(config.voters.incoming),
    learners: sorted(config.learners),
    votersOutgoing: sorted(config.voters.outgoing),
    learnersNext: sorted(config.learnersNext),
    autoLeave: config.autoLeave,
  };
}

/** As `voters=(1 2 3)&&(1) learners=(4) learners_next=(5) autoleave`; what is empty or false is left out. */
export function describeConfig(config: TrackerConfig): string {
  const words = [`voters=${describeJoint(config.voters)}`];
  if (config.learners.size > 0) {
    words.push(`learners=${describeIds(config.learners)}`);
  }
  if (config.learnersNext.size > 0) {
    words.push(`learners_next=${describeIds(config.learnersNext)}`);
  }
  if (config.autoLeave) {
    words.push('autoleave');
  }
  return words.join(' ');
}

function sorted(ids: ReadonlySet<NodeId>): readonly NodeId[] {
  return [...ids].sort(ascending);
}
