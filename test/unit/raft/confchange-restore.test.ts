// SPDX-License-Identifier: Apache-2.0
// Configurations as they are stored, and what comes back from them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { restore, sameConfState } from '../../../src/raft/confchange/index.ts';
import { describeConfig } from '../../../src/raft/tracker/index.ts';
import type { ConfState } from '../../../src/raft/types.ts';
import { changeTracker, emptyTracker } from '../../support/conf-changes.ts';

const INVARIANT = { code: 'internal.invariant' };

const NOBODY: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

describe('a stored configuration', () => {
  const STORED: readonly (readonly [Partial<ConfState>, string])[] = [
    [{}, 'voters=()'],
    [{ voters: [1] }, 'voters=(1)'],
    [{ voters: [1, 2, 3] }, 'voters=(1 2 3)'],
    [{ voters: [1, 2], learners: [3, 4] }, 'voters=(1 2) learners=(3 4)'],
    [{ voters: [1, 2], votersOutgoing: [1] }, 'voters=(1 2)&&(1)'],
    [{ voters: [1], votersOutgoing: [1], autoLeave: true }, 'voters=(1)&&(1) autoleave'],
    [{ voters: [3, 4], votersOutgoing: [1, 2] }, 'voters=(3 4)&&(1 2)'],
    [
      { voters: [1, 2], votersOutgoing: [1, 3, 4], learners: [5], learnersNext: [4] },
      'voters=(1 2)&&(1 3 4) learners=(5) learners_next=(4)',
    ],
    [
      { voters: [5], votersOutgoing: [6, 7], learnersNext: [6, 7], autoLeave: true },
      'voters=(5)&&(6 7) learners_next=(6 7) autoleave',
    ],
  ];

  for (const [stored, words] of STORED) {
    test(`comes back as ${words}`, () => {
      const confState = { ...NOBODY, ...stored };
      const tracker = emptyTracker();
      const { config, progress } = restore({ tracker, lastIndex: 7 }, confState);
      assert.equal(describeConfig(config), words);
      tracker.config = config;
      tracker.progress = progress;
      assert.deepEqual(tracker.confState(), confState);
      tracker.visit((id, { isLearner, match, next, recentActive }) => {
        const learns = confState.learners.includes(id);
        assert.deepEqual([isLearner, match, next, recentActive], [learns, 0, 7, true], `member ${id}`);
      });
    });
  }

  test('comes back in the place of what the tracker held', () => {
    const tracker = emptyTracker();
    changeTracker(tracker, 'simple v1');
    changeTracker(tracker, 'joint v8 v9');
    const { config, progress } = restore({ tracker, lastIndex: 7 }, { ...NOBODY, voters: [2, 3] });
    assert.equal(describeConfig(config), 'voters=(2 3)');
    assert.deepEqual([...progress.keys()], [2, 3]);
    assert.equal(describeConfig(tracker.config), 'voters=(1 8 9)&&(1)');
  });

  const IMPOSSIBLE: readonly (readonly [Partial<ConfState>, string])[] = [
    [{ learners: [1] }, 'learners without a voter'],
    [{ votersOutgoing: [1] }, 'outgoing voters only'],
    [{ voters: [1, 2], learners: [2] }, 'a node that votes and learns'],
    [{ voters: [1], votersOutgoing: [2], learners: [2] }, 'an outgoing voter that learns already'],
    [{ voters: [1], votersOutgoing: [1, 2], learnersNext: [1] }, 'an incoming voter that is to learn'],
    [{ voters: [1], learnersNext: [2] }, 'one that waits to learn, where nothing is left'],
    [{ voters: [1], votersOutgoing: [1], learnersNext: [2] }, 'one that waits to learn, but is no voter'],
    [{ voters: [1], autoLeave: true }, 'leaving by itself, where nothing is left'],
    [{ voters: [1, 1] }, 'a voter twice'],
    [{ voters: [0, 1] }, 'a voter that is nobody'],
  ];

  for (const [stored, what] of IMPOSSIBLE) {
    test(`is refused with ${what}`, () => {
      assert.throws(
        () => restore({ tracker: emptyTracker(), lastIndex: 7 }, { ...NOBODY, ...stored }),
        INVARIANT,
      );
    });
  }

  test('is the same in any order, and another with anything else in it', () => {
    const one: ConfState = {
      voters: [1, 10, 9],
      learners: [3, 2],
      votersOutgoing: [5, 4],
      learnersNext: [4, 5],
      autoLeave: true,
    };
    assert.equal(
      sameConfState(one, {
        voters: [9, 10, 1],
        learners: [2, 3],
        votersOutgoing: [4, 5],
        learnersNext: [5, 4],
        autoLeave: true,
      }),
      true,
    );
    for (const other of [
      { ...one, voters: [1, 10] },
      { ...one, learners: [3, 7] },
      { ...one, votersOutgoing: [] },
      { ...one, learnersNext: [4, 5, 6] },
      { ...one, autoLeave: false },
    ]) {
      assert.equal(sameConfState(one, other), false);
      assert.equal(sameConfState(other, one), false);
    }
  });
});
