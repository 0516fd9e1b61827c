// SPDX-License-Identifier: Apache-2.0
// What holds of every configuration, joint or not. It is checked before and after each change.
import { invariant } from '../../common/index.ts';
import { jointIds } from '../quorum/index.ts';
import { isJoint, type Progress, type TrackerConfig } from '../tracker/index.ts';
import type { NodeId } from '../types.ts';

/**
 * Throws `internal.invariant` unless the configuration is sound: its members are just those with progress, learners
 * are no voters and are marked as learners, those in `learnersNext` vote among the outgoing ones only, and what only
 * a joint configuration has is found in no other. The empty configuration is sound: a cluster begins with it.
 */
export function checkConfig(config: TrackerConfig, progress: ReadonlyMap<NodeId, Progress>): void {
  const { voters, learners, learnersNext } = config;
  const members = new Set([...jointIds(voters), ...learners, ...learnersNext]);
  for (const id of members) {
    invariant(progress.has(id), `member ${id} has progress`);
  }
  invariant(progress.size === members.size, 'only members have progress');
  for (const id of jointIds(voters)) {
    invariant(!learners.has(id), `node ${id} is not a voter and a learner at once`);
    invariant(progress.get(id)?.isLearner === false, `voter ${id} is not marked as a learner`);
  }
  for (const id of learners) {
    invariant(progress.get(id)?.isLearner === true, `learner ${id} is marked as a learner`);
  }
  for (const id of learnersNext) {
    invariant(voters.outgoing.has(id), `node ${id}, which becomes a learner, is an outgoing voter`);
    invariant(!voters.incoming.has(id), `node ${id}, which becomes a learner, is not an incoming voter`);
  }
  invariant(
    isJoint(config) || (learnersNext.size === 0 && !config.autoLeave),
    'only a joint configuration has something to do when it is left',
  );
}
