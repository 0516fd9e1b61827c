// SPDX-License-Identifier: Apache-2.0
// Configurations and how one leads to another: transcripts to check by eye.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  describeConfig,
  describeProgressMap,
  Inflights,
  Progress,
  ProgressTracker,
} from '../../../src/raft/tracker/index.ts';
import type { NodeId } from '../../../src/raft/types.ts';
import { changesOf, changeTracker, emptyTracker } from '../../support/conf-changes.ts';

const INVARIANT = { code: 'internal.invariant' };
const LAST_VOTER = /a cluster cannot do without its last voter/;
const ONE_AT_A_TIME = /voters change one at a time/;
const JOINT_ALREADY = /a joint configuration must be left before/;

/** Makes the change; the configuration that it leads to, or the sentence of its refusal. */
type Line = readonly [change: string, outcome: string | RegExp];

const TRANSCRIPTS: Readonly<Record<string, readonly Line[]>> = {
  'voters come one by one': [
    ['simple v1', 'voters=(1)'],
    ['simple v2', 'voters=(1 2)'],
    ['simple v3', 'voters=(1 2 3)'],
  ],
  'voters go one by one, but for the last one': [
    ['simple v1', 'voters=(1)'],
    ['simple v2', 'voters=(1 2)'],
    ['simple r1', 'voters=(2)'],
    ['simple r2', LAST_VOTER],
    ['simple l2', LAST_VOTER],
    ['simple r2 v3', ONE_AT_A_TIME],
  ],
  'a cluster begins with one voter': [
    ['simple', LAST_VOTER],
    ['simple l1', LAST_VOTER],
    ['simple v1 v2', ONE_AT_A_TIME],
    ['joint v1', /without voters there is nothing to be joined with/],
    ['leave', /only a joint configuration can be left/],
    ['simple v1 l2', 'voters=(1) learners=(2)'],
  ],
  'a simple change of more than one voter is refused, however it is made': [
    ['simple v1', 'voters=(1)'],
    ['simple v2', 'voters=(1 2)'],
    ['simple v3 v4', ONE_AT_A_TIME],
    ['simple v3 r1', ONE_AT_A_TIME],
    ['simple v3 l1', ONE_AT_A_TIME],
    ['simple r1 r2', LAST_VOTER],
    ['simple r1 r2 v3', ONE_AT_A_TIME],
  ],
  'a simple change counts what differs at the end, not the steps to it': [
    ['simple v1', 'voters=(1)'],
    ['simple v2 r2 v3 r3 v2', 'voters=(1 2)'],
    ['simple r1 v1 v3', 'voters=(1 2 3)'],
    ['simple r1 l1 v1', 'voters=(1 2 3)'],
  ],
  'learners come, go and change places in any number': [
    ['simple v1', 'voters=(1)'],
    ['simple l2 l3 l4', 'voters=(1) learners=(2 3 4)'],
    ['simple r3 r4 l5 l6', 'voters=(1) learners=(2 5 6)'],
    ['simple v2 r5', 'voters=(1 2) learners=(6)'],
    ['simple l1 r6', 'voters=(2) learners=(1)'],
  ],
  'a change that was made before changes nothing': [
    ['simple v1', 'voters=(1)'],
    ['simple v1 v1', 'voters=(1)'],
    ['simple v2 l3', 'voters=(1 2) learners=(3)'],
    ['simple v2 l3 l3', 'voters=(1 2) learners=(3)'],
    ['simple r9', 'voters=(1 2) learners=(3)'],
    ['simple r3 r3 r3', 'voters=(1 2)'],
    ['simple', 'voters=(1 2)'],
  ],
  'an update, and a change of nobody, change nothing': [
    ['simple v1', 'voters=(1)'],
    ['simple u1 u7', 'voters=(1)'],
    ['simple v0 l0 r0', 'voters=(1)'],
    ['joint u1 v0', 'voters=(1)&&(1)'],
  ],
  'a joint change replaces any number of voters': [
    ['simple v1', 'voters=(1)'],
    ['joint v2 v3', 'voters=(1 2 3)&&(1)'],
    ['leave', 'voters=(1 2 3)'],
    ['joint r1 r2 r3 v4 v5', 'voters=(4 5)&&(1 2 3)'],
    ['leave', 'voters=(4 5)'],
  ],
  'a joint change leaves at least one voter': [
    ['simple v1', 'voters=(1)'],
    ['joint r1', LAST_VOTER],
    ['joint l1', LAST_VOTER],
    ['joint r1 l2', LAST_VOTER],
    ['joint r1 v2', 'voters=(2)&&(1)'],
  ],
  'a joint configuration is left before anything else is changed': [
    ['simple v1', 'voters=(1)'],
    ['joint v2', 'voters=(1 2)&&(1)'],
    ['joint v3', JOINT_ALREADY],
    ['joint', JOINT_ALREADY],
    ['simple l3', JOINT_ALREADY],
    ['simple', JOINT_ALREADY],
    ['leave', 'voters=(1 2)'],
    ['leave', /only a joint configuration can be left/],
  ],
  'a joint configuration that is left by itself says so until it is left': [
    ['simple v1', 'voters=(1)'],
    ['joint-autoleave v2 l3', 'voters=(1 2)&&(1) learners=(3) autoleave'],
    ['joint-autoleave v4', JOINT_ALREADY],
    ['leave', 'voters=(1 2) learners=(3)'],
    ['joint', 'voters=(1 2)&&(1 2) learners=(3)'],
    ['leave', 'voters=(1 2) learners=(3)'],
  ],
  'a voter that becomes a learner waits until it votes no more': [
    ['simple v1', 'voters=(1)'],
    ['joint v2 v3', 'voters=(1 2 3)&&(1)'],
    ['leave', 'voters=(1 2 3)'],
    ['joint l2 l3', 'voters=(1)&&(1 2 3) learners_next=(2 3)'],
    ['leave', 'voters=(1) learners=(2 3)'],
  ],
  'a new learner, and one that voted in neither half, does not wait': [
    ['simple v1', 'voters=(1)'],
    ['joint l2 v3', 'voters=(1 3)&&(1) learners=(2)'],
    ['leave', 'voters=(1 3) learners=(2)'],
    ['joint v4 l4 l5', 'voters=(1 3)&&(1 3) learners=(2 4 5)'],
    ['leave', 'voters=(1 3) learners=(2 4 5)'],
  ],
  'a learner becomes a voter of the new half at once': [
    ['simple v1 l2', 'voters=(1) learners=(2)'],
    ['joint v2 l1', 'voters=(2)&&(1) learners_next=(1)'],
    ['leave', 'voters=(2) learners=(1)'],
  ],
  'within a joint change the last word on a node counts': [
    ['simple v1', 'voters=(1)'],
    ['simple v2', 'voters=(1 2)'],
    ['joint l2 v2', 'voters=(1 2)&&(1 2)'],
    ['leave', 'voters=(1 2)'],
    ['joint l2 r2', 'voters=(1)&&(1 2)'],
    ['leave', 'voters=(1)'],
    ['simple v2', 'voters=(1 2)'],
    ['joint r2 l2', 'voters=(1)&&(1 2) learners_next=(2)'],
    ['leave', 'voters=(1) learners=(2)'],
    ['joint r2 v2 l2 l2', 'voters=(1)&&(1) learners=(2)'],
  ],
};

describe('changes', () => {
  for (const [story, lines] of Object.entries(TRANSCRIPTS)) {
    test(story, () => {
      const tracker = emptyTracker();
      for (const [change, outcome] of lines) {
        const before = `${describeConfig(tracker.config)}\n${describeProgressMap(tracker.progress)}`;
        if (typeof outcome === 'string') {
          const { config } = tracker;
          const words = describeConfig(config);
          changeTracker(tracker, change);
          assert.equal(describeConfig(tracker.config), outcome, change);
          assert.equal(describeConfig(config), words, 'the configuration before it is as it was');
        } else {
          assert.throws(() => changeTracker(tracker, change), { ...INVARIANT, detail: outcome }, change);
          const after = `${describeConfig(tracker.config)}\n${describeProgressMap(tracker.progress)}`;
          assert.equal(after, before, `${change} is refused, and changes nothing`);
        }
      }
    });
  }
});

describe('the progress of a member', () => {
  /** After the changes, each made when the log ended at 10, 20, 30 and so on. */
  function progressAfter(...changes: readonly string[]): string {
    const tracker = emptyTracker();
    changes.forEach((change, place) => changeTracker(tracker, change, (place + 1) * 10));
    return describeProgressMap(tracker.progress);
  }

  test('begins as an active one at the end of the log', () => {
    assert.equal(
      progressAfter('simple v1', 'simple l2'),
      '1: StateProbe match=0 next=10\n2: StateProbe match=0 next=20 learner\n',
    );
    const tracker = emptyTracker();
    changeTracker(tracker, 'simple v1', 0);
    assert.equal(describeProgressMap(tracker.progress), '1: StateProbe match=0 next=1\n');
  });

  test('has the bounds of the tracker', () => {
    for (const [maxMessages, maxBytes] of [
      [2, 0],
      [9, 1_000],
    ] as const) {
      const tracker = new ProgressTracker(maxMessages, maxBytes);
      changeTracker(tracker, 'simple v1', 5);
      const inflights = tracker.progress.get(1)?.inflights;
      inflights?.add(1, 999);
      assert.equal(inflights?.full(), false);
      inflights?.add(2, 1);
      assert.equal(inflights?.full(), true);
    }
  });

  test('is kept when it becomes a voter, or a learner', () => {
    assert.equal(
      progressAfter('simple v1', 'simple l2', 'simple v2', 'simple l1'),
      '1: StateProbe match=0 next=10 learner\n2: StateProbe match=0 next=20\n',
    );
  });

  test('is kept while the member votes in the outgoing half, and forgotten after that', () => {
    const changes = ['simple v1', 'simple v2', 'joint r1 v3'];
    assert.equal(
      progressAfter(...changes),
      '1: StateProbe match=0 next=10\n2: StateProbe match=0 next=20\n3: StateProbe match=0 next=30\n',
    );
    assert.equal(
      progressAfter(...changes, 'leave'),
      '2: StateProbe match=0 next=20\n3: StateProbe match=0 next=30\n',
    );
  });

  test('is that of a voter until the joint configuration is left, and then that of a learner', () => {
    const changes = ['simple v1', 'simple v2', 'joint l2'];
    assert.equal(progressAfter(...changes), '1: StateProbe match=0 next=10\n2: StateProbe match=0 next=20\n');
    assert.equal(
      progressAfter(...changes, 'leave'),
      '1: StateProbe match=0 next=10\n2: StateProbe match=0 next=20 learner\n',
    );
  });

  test('begins anew for one that was removed and comes back', () => {
    assert.equal(
      progressAfter('simple v1', 'simple v2', 'simple r2', 'simple v2'),
      '1: StateProbe match=0 next=10\n2: StateProbe match=0 next=40\n',
    );
  });

  test('is carried over as it is, in a copy that the old configuration does not see', () => {
    const tracker = emptyTracker();
    changeTracker(tracker, 'simple v1', 10);
    const before = tracker.progress.get(1);
    before?.maybeUpdate(12);
    before?.becomeReplicate();
    before?.sentEntries(2, 20);
    changeTracker(tracker, 'simple v2', 20);
    const after = tracker.progress.get(1);
    before?.becomeSnapshot(50);
    assert.equal(
      describeProgressMap(tracker.progress),
      '1: StateReplicate match=12 next=15 inflight=1\n2: StateProbe match=0 next=20\n',
    );
    assert.notEqual(after, before);
  });
});

const member = (isLearner: boolean): Progress =>
  new Progress({ next: 1, inflights: new Inflights(8, 0), isLearner });

/** Configurations that no change leads to: voters, outgoing ones, learners, those to be, who has progress, what is wrong. */
const UNSOUND: readonly (readonly [string, string, string, string, string, RegExp])[] = [
  ['1 2', '', '', '', 'v1', /member 2 has progress/],
  ['1', '', '2', '', 'v1', /member 2 has progress/],
  ['1', '', '', '', 'v1 v2', /only members have progress/],
  ['1 2', '', '2', '', 'v1 v2', /node 2 is not a voter and a learner at once/],
  ['1', '2', '2', '', 'v1 v2', /node 2 is not a voter and a learner at once/],
  ['1', '', '', '', 'l1', /voter 1 is not marked as a learner/],
  ['1', '2', '', '2', 'v1 l2', /voter 2 is not marked as a learner/],
  ['1', '', '2', '', 'v1 v2', /learner 2 is marked as a learner/],
  ['1', '1', '', '2', 'v1 v2', /node 2, which becomes a learner, is an outgoing voter/],
  ['1', '1', '', '1', 'v1', /node 1, which becomes a learner, is not an incoming voter/],
];

describe('a configuration that no change leads to is not built on', () => {
  const idsOf = (text: string): ReadonlySet<NodeId> => new Set(text.split(' ').filter(Boolean).map(Number));

  for (const [incoming, outgoing, learners, learnersNext, members, wrong] of UNSOUND) {
    test(`(${incoming})&&(${outgoing}), learners (${learners}), then (${learnersNext}), with ${members}`, () => {
      const tracker = emptyTracker();
      tracker.config = {
        voters: { incoming: idsOf(incoming), outgoing: idsOf(outgoing) },
        autoLeave: false,
        learners: idsOf(learners),
        learnersNext: idsOf(learnersNext),
      };
      tracker.progress = new Map(
        changesOf(members).map(({ type, nodeId }) => [nodeId, member(type === 'ConfChangeAddLearnerNode')]),
      );
      for (const change of ['simple u1', 'joint u1', 'leave']) {
        assert.throws(() => changeTracker(tracker, change), { ...INVARIANT, detail: wrong }, change);
      }
    });
  }

  test('nor is one that is to be left by itself, and is not joint', () => {
    const tracker = emptyTracker();
    changeTracker(tracker, 'simple v1');
    tracker.config = { ...tracker.config, autoLeave: true };
    assert.throws(() => changeTracker(tracker, 'simple v2'), {
      ...INVARIANT,
      detail: /only a joint configuration has something to do/,
    });
  });
});

test('the words of these tests are understood', () => {
  assert.deepEqual(changesOf('v1 l22 r3 u4'), [
    { type: 'ConfChangeAddNode', nodeId: 1 },
    { type: 'ConfChangeAddLearnerNode', nodeId: 22 },
    { type: 'ConfChangeRemoveNode', nodeId: 3 },
    { type: 'ConfChangeUpdateNode', nodeId: 4 },
  ]);
  assert.throws(() => changesOf('x1'));
});
