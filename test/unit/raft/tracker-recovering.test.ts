// SPDX-License-Identifier: Apache-2.0
// The one case in which a peer has less than it acknowledged, and what holds in all others.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { describeProgress, type Progress } from '../../../src/raft/tracker/index.ts';
import { assertProperty } from '../../support/property.ts';
import { peer, replicating } from './progress-peers.ts';

const INVARIANT = { code: 'internal.invariant' };

describe('a peer that is recovering', () => {
  test('may have less than it acknowledged, and is then probed after what is left', () => {
    const progress = replicating(9, 2);
    progress.sentCommitTo(9);
    progress.recoveringTerm = 7;
    progress.regressTo(4);
    assert.equal(describeProgress(progress), 'StateProbe match=4 next=5 recovering=7');
    assert.equal(progress.sentCommit, 4);
  });

  test('goes on waiting for its snapshot', () => {
    const progress = peer(9);
    progress.becomeSnapshot(20);
    progress.recoveringTerm = 7;
    progress.regressTo(0);
    assert.equal(
      describeProgress(progress),
      'StateSnapshot match=0 next=21 paused pendingSnap=20 recovering=7',
    );
  });

  test('that has what it is known to have is sent more as before', () => {
    const progress = replicating(9, 2);
    progress.recoveringTerm = 7;
    progress.regressTo(9);
    progress.regressTo(10);
    assert.equal(describeProgress(progress), 'StateReplicate match=9 next=12 inflight=2 recovering=7');
  });

  test('is the only one that is believed to have lost something', () => {
    assert.throws(() => replicating(9).regressTo(4), INVARIANT);
  });
});

/** As the leader does it: a peer that has refused something is probed before it is sent more. */
function refuse(progress: Progress, rejected: number, hint: number): void {
  if (progress.maybeDecrTo(rejected, hint) && progress.state === 'StateReplicate') {
    progress.becomeProbe();
  }
}

type Happening = (progress: Progress, index: number) => void;

const HAPPENINGS: readonly Happening[] = [
  (progress) => progress.becomeProbe(),
  (progress) => progress.becomeReplicate(),
  (progress, index) => progress.becomeSnapshot(progress.match + index),
  (progress) => progress.abandonSnapshot(),
  (progress, index) => {
    if (!progress.isPaused()) {
      progress.sentEntries(index % 4, index);
    }
  },
  (progress, index) => progress.sentCommitTo(index),
  (progress, index) => void progress.maybeUpdate(index),
  (progress, index) => progress.inflights.freeLe(index),
  (progress, index) => refuse(progress, index, Math.max(index - 2, 0)),
  (progress, index) => refuse(progress, progress.next - 1, index),
  (progress) => {
    progress.msgAppFlowPaused = false;
  },
];

test('whatever happens, match never goes back, next stays beyond it, and the window within its bounds', (t) => {
  const anyHappening = fc.tuple(fc.constantFrom(...HAPPENINGS), fc.integer({ min: 0, max: 40 }));
  assertProperty(
    t,
    3_000,
    fc.property(fc.array(anyHappening, { maxLength: 60 }), (happenings) => {
      const progress = peer(0, 10);
      let match = 0;
      for (const [happen, index] of happenings) {
        happen(progress, index);
        assert.ok(progress.match >= match && progress.match < progress.next, describeProgress(progress));
        match = progress.match;
        const { inflights, state } = progress;
        assert.ok(inflights.count <= 3, describeProgress(progress));
        assert.ok(state === 'StateReplicate' || inflights.count === 0, describeProgress(progress));
        assert.ok(state === 'StateSnapshot' || progress.pendingSnapshot === 0, describeProgress(progress));
      }
    }),
  );
});
