// SPDX-License-Identifier: Apache-2.0
// The cluster in the eyes of one node.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  confStateOf,
  describeConfig,
  emptyConfig,
  Inflights,
  isJoint,
  Progress,
  ProgressTracker,
  type TrackerConfig,
} from '../../../src/raft/tracker/index.ts';
import type { NodeId } from '../../../src/raft/types.ts';

interface Members {
  readonly incoming: readonly NodeId[];
  readonly outgoing?: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  readonly learnersNext?: readonly NodeId[];
  readonly autoLeave?: boolean;
}

function configOf(members: Members): TrackerConfig {
  return {
    voters: { incoming: new Set(members.incoming), outgoing: new Set(members.outgoing) },
    autoLeave: members.autoLeave ?? false,
    learners: new Set(members.learners),
    learnersNext: new Set(members.learnersNext),
  };
}

/** A tracker whose members each have acknowledged what `match` says, or nothing. */
function trackerOf(members: Members, match: Readonly<Record<NodeId, number>> = {}): ProgressTracker {
  const tracker = new ProgressTracker(8, 0);
  tracker.config = configOf(members);
  const learners = new Set(members.learners);
  // In descending order, so that nothing comes out in order by chance.
  const ids = [...members.incoming, ...(members.outgoing ?? []), ...learners].sort((a, b) => b - a);
  tracker.progress = new Map(
    ids.map((id) => [
      id,
      new Progress({
        match: match[id] ?? 0,
        next: (match[id] ?? 0) + 1,
        inflights: new Inflights(8, 0),
        isLearner: learners.has(id),
      }),
    ]),
  );
  return tracker;
}

function member(tracker: ProgressTracker, id: NodeId): Progress {
  const progress = tracker.progress.get(id);
  assert.ok(progress !== undefined, `node ${id} is a member`);
  return progress;
}

describe('a configuration', () => {
  test('is printed as etcd prints it, without what is empty', () => {
    assert.equal(describeConfig(emptyConfig()), 'voters=()');
    assert.equal(describeConfig(configOf({ incoming: [3, 1, 2] })), 'voters=(1 2 3)');
    assert.equal(
      describeConfig(
        configOf({
          incoming: [1, 2, 3],
          outgoing: [1, 5],
          learners: [4],
          learnersNext: [5],
          autoLeave: true,
        }),
      ),
      'voters=(1 2 3)&&(1 5) learners=(4) learners_next=(5) autoleave',
    );
  });

  test('is stored in ascending order', () => {
    const config = configOf({
      incoming: [10, 9, 100],
      outgoing: [9, 20, 3],
      learners: [30, 4],
      learnersNext: [20, 3],
      autoLeave: true,
    });
    assert.deepEqual(confStateOf(config), {
      voters: [9, 10, 100],
      votersOutgoing: [3, 9, 20],
      learners: [4, 30],
      learnersNext: [3, 20],
      autoLeave: true,
    });
    assert.equal(isJoint(config), true);
    assert.equal(isJoint(emptyConfig()), false);
  });
});

describe('a new tracker', () => {
  test('has no members, and nothing holds back what is committed', () => {
    const tracker = new ProgressTracker(8, 4_096);
    assert.deepEqual([tracker.maxInflight, tracker.maxInflightBytes], [8, 4_096]);
    assert.equal(tracker.committed(), Infinity);
    assert.equal(tracker.isSingleton(), false);
    assert.deepEqual(tracker.voterNodes(), []);
    assert.deepEqual(tracker.confState(), confStateOf(emptyConfig()));
  });
});

test('one voter is alone only outside of a joint configuration', () => {
  assert.equal(trackerOf({ incoming: [1] }).isSingleton(), true);
  assert.equal(trackerOf({ incoming: [1], learners: [2, 3] }).isSingleton(), true);
  assert.equal(trackerOf({ incoming: [1, 2] }).isSingleton(), false);
  assert.equal(trackerOf({ incoming: [1], outgoing: [1, 2] }).isSingleton(), false);
  assert.equal(trackerOf({ incoming: [1], outgoing: [2] }).isSingleton(), false);
});

test('members are visited in the order of their numbers, and named in it', () => {
  const tracker = trackerOf({ incoming: [10, 2, 1], outgoing: [100, 2], learners: [30, 9] });
  const visited: NodeId[] = [];
  tracker.visit((id, progress) => {
    assert.equal(progress, tracker.progress.get(id));
    visited.push(id);
  });
  assert.deepEqual(visited, [1, 2, 9, 10, 30, 100]);
  assert.deepEqual(tracker.voterNodes(), [1, 2, 10, 100]);
});

describe('committed', () => {
  test('is what a majority has acknowledged', () => {
    assert.equal(trackerOf({ incoming: [1, 2, 3] }, { 1: 9, 2: 7, 3: 5 }).committed(), 7);
    assert.equal(trackerOf({ incoming: [1, 2, 3] }, { 1: 9 }).committed(), 0);
  });

  test('is what a majority of each half has acknowledged while the configuration is joint', () => {
    const members = { incoming: [1, 2, 3], outgoing: [3, 4, 5] };
    assert.equal(trackerOf(members, { 1: 9, 2: 9, 3: 9 }).committed(), 0);
    assert.equal(trackerOf(members, { 1: 9, 2: 9, 3: 9, 5: 4 }).committed(), 4);
  });

  test('does not count learners', () => {
    assert.equal(
      trackerOf({ incoming: [1, 2], learners: [3, 4, 5] }, { 1: 9, 3: 9, 4: 9, 5: 9 }).committed(),
      0,
    );
  });

  test('does not count a peer that is recovering, until it has recovered', () => {
    const tracker = trackerOf({ incoming: [1, 2, 3] }, { 1: 9, 2: 9, 3: 2 });
    member(tracker, 2).recoveringTerm = 4;
    assert.equal(tracker.committed(), 2);
    member(tracker, 2).recoveringTerm = 0;
    assert.equal(tracker.committed(), 9);
  });
});

describe('a quorum is alive', () => {
  const active = (tracker: ProgressTracker, ...ids: readonly NodeId[]): boolean => {
    tracker.visit((id, progress) => {
      progress.recentActive = ids.includes(id);
    });
    return tracker.quorumActive();
  };

  test('if a majority of voters was heard from', () => {
    const tracker = trackerOf({ incoming: [1, 2, 3], learners: [4, 5] });
    assert.equal(active(tracker, 1), false);
    assert.equal(active(tracker, 1, 4, 5), false);
    assert.equal(active(tracker, 1, 3), true);
    assert.equal(active(tracker), false);
  });

  test('if it is one of each half while the configuration is joint', () => {
    const tracker = trackerOf({ incoming: [1, 2, 3], outgoing: [3, 4, 5], learnersNext: [4] });
    assert.equal(active(tracker, 1, 2, 3), false);
    assert.equal(active(tracker, 1, 3, 4), true);
    assert.equal(active(tracker, 4, 5, 3), false);
  });

  test('without counting who is recovering', () => {
    const tracker = trackerOf({ incoming: [1, 2, 3] });
    member(tracker, 3).recoveringTerm = 4;
    assert.equal(active(tracker, 1, 3), false);
    assert.equal(active(tracker, 1, 2), true);
  });
});

describe('an election', () => {
  test('is counted vote by vote', () => {
    const tracker = trackerOf({ incoming: [1, 2, 3] });
    assert.deepEqual(tracker.tallyVotes(), { granted: 0, rejected: 0, result: 'VotePending' });
    tracker.recordVote(1, true);
    tracker.recordVote(2, false);
    assert.deepEqual(tracker.tallyVotes(), { granted: 1, rejected: 1, result: 'VotePending' });
    tracker.recordVote(3, true);
    assert.deepEqual(tracker.tallyVotes(), { granted: 2, rejected: 1, result: 'VoteWon' });
  });

  test('counts the first vote of a node only', () => {
    const tracker = trackerOf({ incoming: [1, 2, 3] });
    tracker.recordVote(2, false);
    tracker.recordVote(2, true);
    tracker.recordVote(3, true);
    tracker.recordVote(3, false);
    assert.deepEqual(tracker.tallyVotes(), { granted: 1, rejected: 1, result: 'VotePending' });
    assert.deepEqual(
      [...tracker.votes],
      [
        [2, false],
        [3, true],
      ],
    );
  });

  test('begins anew without the votes of the one before', () => {
    const tracker = trackerOf({ incoming: [1] });
    tracker.recordVote(1, true);
    const { votes } = tracker;
    tracker.resetVotes();
    assert.deepEqual(tracker.tallyVotes(), { granted: 0, rejected: 0, result: 'VotePending' });
    assert.equal(votes.size, 1);
  });

  test('does not count learners, nor those that are no members any more', () => {
    const tracker = trackerOf({ incoming: [1, 2, 3], learners: [4] });
    for (const id of [1, 4, 5]) {
      tracker.recordVote(id, true);
    }
    assert.deepEqual(tracker.tallyVotes(), { granted: 1, rejected: 0, result: 'VotePending' });
  });

  test('needs both halves while the configuration is joint', () => {
    const tracker = trackerOf({ incoming: [1, 2], outgoing: [2, 3, 4] });
    tracker.recordVote(1, true);
    tracker.recordVote(2, true);
    assert.equal(tracker.tallyVotes().result, 'VotePending');
    tracker.recordVote(3, false);
    tracker.recordVote(4, false);
    assert.deepEqual(tracker.tallyVotes(), { granted: 2, rejected: 2, result: 'VoteLost' });
  });

  test('takes no vote of a peer that is recovering, for or against', () => {
    const tracker = trackerOf({ incoming: [1, 2, 3] });
    member(tracker, 2).recoveringTerm = 4;
    tracker.recordVote(1, true);
    tracker.recordVote(2, true);
    assert.deepEqual(tracker.tallyVotes(), { granted: 1, rejected: 0, result: 'VotePending' });
    tracker.recordVote(3, false);
    assert.deepEqual(tracker.tallyVotes(), { granted: 1, rejected: 1, result: 'VotePending' });
  });
});
