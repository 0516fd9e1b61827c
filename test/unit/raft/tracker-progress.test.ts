// SPDX-License-Identifier: Apache-2.0
// What a leader knows of one peer, and how that changes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  describeProgress,
  describeProgressMap,
  Inflights,
  Progress,
} from '../../../src/raft/tracker/index.ts';
import { peer, replicating } from './progress-peers.ts';

const INVARIANT = { code: 'internal.invariant' };

describe('a new peer', () => {
  test('is probed, as an active voter that has nothing', () => {
    const progress = new Progress({ next: 8, inflights: new Inflights(1, 0) });
    assert.equal(describeProgress(progress), 'StateProbe match=0 next=8 inactive');
    assert.deepEqual([progress.sentCommit, progress.isLearner, progress.recoveringTerm], [0, false, 0]);
  });

  test('is sent what comes after what it has', () => {
    assert.throws(() => peer(5, 5), INVARIANT);
    assert.throws(() => peer(-1, 5), INVARIANT);
    assert.throws(() => peer(0, 0), INVARIANT);
  });
});

describe('a probe', () => {
  test('is one append at a time', () => {
    const progress = peer(4, 9);
    progress.sentEntries(3, 30);
    assert.equal(describeProgress(progress), 'StateProbe match=4 next=9 paused');
  });

  test('without entries pauses nothing', () => {
    const progress = peer(4, 9);
    progress.sentEntries(0, 0);
    assert.equal(describeProgress(progress), 'StateProbe match=4 next=9');
  });

  test('goes on once it is answered either way', () => {
    const refused = peer(4, 9);
    refused.sentEntries(1, 10);
    assert.equal(refused.maybeDecrTo(8, 6), true);
    assert.equal(describeProgress(refused), 'StateProbe match=4 next=7');
    const accepted = peer(4, 9);
    accepted.sentEntries(1, 10);
    assert.equal(accepted.maybeUpdate(9), true);
    assert.equal(describeProgress(accepted), 'StateProbe match=9 next=10');
  });
});

describe('replication', () => {
  test('begins after what the peer has, with an empty window', () => {
    const progress = peer(4, 9);
    progress.sentEntries(1, 10);
    progress.becomeReplicate();
    assert.equal(describeProgress(progress), 'StateReplicate match=4 next=5');
  });

  test('sends append after append until the window is full', () => {
    const progress = replicating(4);
    progress.sentEntries(2, 10);
    assert.equal(describeProgress(progress), 'StateReplicate match=4 next=7 inflight=1');
    progress.sentEntries(1, 10);
    progress.sentEntries(5, 10);
    assert.equal(describeProgress(progress), 'StateReplicate match=4 next=13 paused inflight=3[full]');
  });

  test('pauses at the bytes of the window too', () => {
    const progress = replicating(4);
    progress.sentEntries(1, 100);
    assert.equal(describeProgress(progress), 'StateReplicate match=4 next=6 paused inflight=1[full]');
  });

  test('goes on with the acknowledgement, whose place the leader frees', () => {
    const progress = replicating(4, 3);
    assert.equal(progress.maybeUpdate(6), true);
    progress.inflights.freeLe(6);
    assert.equal(describeProgress(progress), 'StateReplicate match=6 next=8 inflight=1');
  });

  test('with a full window can be tried again by one empty append, which pauses it anew', () => {
    const progress = replicating(4, 3);
    progress.msgAppFlowPaused = false;
    assert.equal(progress.isPaused(), false);
    progress.sentEntries(0, 0);
    assert.equal(describeProgress(progress), 'StateReplicate match=4 next=8 paused inflight=3[full]');
  });

  test('is resumed by the next append once the window has room', () => {
    const progress = replicating(4, 3);
    progress.inflights.freeLe(5);
    assert.equal(describeProgress(progress), 'StateReplicate match=4 next=8 paused inflight=2');
    progress.sentEntries(0, 0);
    assert.equal(describeProgress(progress), 'StateReplicate match=4 next=8 inflight=2');
  });

  test('with a window that is not full is not paused by an empty append', () => {
    const progress = replicating(4, 2);
    progress.sentEntries(0, 0);
    assert.equal(progress.isPaused(), false);
  });
});

describe('a snapshot', () => {
  test('is waited for: nothing else is sent', () => {
    const progress = replicating(4, 2);
    progress.becomeSnapshot(20);
    assert.equal(describeProgress(progress), 'StateSnapshot match=4 next=21 paused pendingSnap=20');
    assert.equal(progress.sentCommit, 20);
    assert.throws(() => progress.sentEntries(1, 10), INVARIANT);
    progress.msgAppFlowPaused = false;
    assert.equal(progress.isPaused(), true);
  });

  test('that arrived is what the next probe follows', () => {
    const progress = peer(4);
    progress.becomeSnapshot(20);
    progress.becomeProbe();
    assert.equal(describeProgress(progress), 'StateProbe match=4 next=21');
  });

  test('that did not arrive is not built on, and neither is its commit index', () => {
    const progress = peer(4);
    progress.becomeSnapshot(20);
    progress.abandonSnapshot();
    progress.becomeProbe();
    assert.equal(describeProgress(progress), 'StateProbe match=4 next=5');
    assert.equal(progress.sentCommit, 4);
  });

  test('that a peer was ahead of when it came is no step back', () => {
    const progress = peer(4);
    progress.becomeSnapshot(20);
    progress.maybeUpdate(25);
    progress.becomeProbe();
    assert.equal(describeProgress(progress), 'StateProbe match=25 next=26');
  });

  test('is not sent to a peer that has it', () => {
    assert.throws(() => peer(4).becomeSnapshot(3), INVARIANT);
  });
});

test('a state is entered with nothing paused, pending or on its way', () => {
  const progress = replicating(4, 3);
  progress.resetState('StateReplicate');
  assert.equal(describeProgress(progress), 'StateReplicate match=4 next=8');
  progress.becomeSnapshot(20);
  progress.resetState('StateProbe');
  assert.equal(describeProgress(progress), 'StateProbe match=4 next=21');
});

test('an acknowledgement moves match, and next only where it would be overtaken', () => {
  for (const [index, news, match, next] of [
    [3, false, 5, 8],
    [5, false, 5, 8],
    [6, true, 6, 8],
    [7, true, 7, 8],
    [8, true, 8, 9],
    [11, true, 11, 12],
  ] as const) {
    const progress = peer(5, 8);
    progress.msgAppFlowPaused = true;
    assert.equal(progress.maybeUpdate(index), news, `index ${index}`);
    assert.deepEqual([progress.match, progress.next], [match, next], `index ${index}`);
    assert.equal(progress.msgAppFlowPaused, !news, `index ${index}`);
  }
});

/** What is rejected, the hint, whether it is news, `next` after it, and why. */
const REFUSALS = [
  [replicating, 4, 4, false, 10, 'the peer has that entry: an append from before, which was late'],
  [replicating, 5, 5, false, 10, 'the same at the edge'],
  [replicating, 6, 5, true, 6, 'an append was lost: all after match is sent again'],
  [replicating, 9, 9, true, 6, 'even if the hint is further, which it says nothing certain of'],
  [replicating, 12, 0, true, 6, 'and never before match'],
  [peer, 8, 8, false, 10, 'a probe at another place was answered before'],
  [peer, 10, 9, false, 10, 'the same beyond it'],
  [peer, 9, 9, true, 9, 'at least one entry back'],
  [peer, 9, 30, true, 9, 'even if the hint is further'],
  [peer, 9, 7, true, 8, 'back to after the hint'],
  [peer, 9, 5, true, 6, 'to just after match'],
  [peer, 9, 2, true, 6, 'and never before match'],
] as const;

describe('a refused append', () => {
  for (const [from, rejected, hint, news, next, why] of REFUSALS) {
    test(`after ${rejected}, hint ${hint}, of ${from.name} 5 to 9: ${why}`, () => {
      const progress =
        from === peer ? peer(5, 10) : new Progress({ match: 5, next: 6, inflights: new Inflights(9, 0) });
      if (from === replicating) {
        progress.becomeReplicate();
        progress.sentEntries(4, 40);
      }
      progress.sentCommitTo(30);
      progress.msgAppFlowPaused = true;
      assert.equal(progress.maybeDecrTo(rejected, hint), news);
      assert.deepEqual([progress.match, progress.next], [5, next]);
      assert.equal(progress.sentCommit, news ? next - 1 : 30);
      // One that replicates becomes a probe next, which ends the pause.
      assert.equal(progress.msgAppFlowPaused, from === replicating || !news);
    });
  }

  test('of a peer that has nothing ends at the first entry', () => {
    const progress = peer(0, 2);
    assert.equal(progress.maybeDecrTo(1, 0), true);
    assert.equal(progress.next, 1);
    assert.equal(progress.maybeDecrTo(0, 0), true);
    assert.equal(progress.next, 1);
  });
});

describe('a commit index', () => {
  test('is worth sending as long as the peer could commit further by it', () => {
    const progress = replicating(4, 2);
    for (const [sent, index, worth, why] of [
      [0, 0, false, 'nothing is committed'],
      [0, 1, true, 'the first one'],
      [3, 3, false, 'it was sent'],
      [3, 2, false, 'more was sent'],
      [3, 5, true, 'the peer has entry 4, and 5 is on its way'],
      [5, 9, true, 'entry 6 is on its way'],
      [6, 9, false, 'the peer will have no more than entry 6'],
    ] as const) {
      progress.sentCommitTo(sent);
      assert.equal(progress.canBumpCommit(index), worth, why);
    }
  });

  test('that was sent with lost entries is sent again', () => {
    const progress = replicating(4, 2);
    progress.sentCommitTo(6);
    assert.equal(progress.canBumpCommit(6), false);
    progress.becomeProbe();
    assert.equal(progress.sentCommit, 4);
    progress.becomeReplicate();
    progress.sentEntries(2, 10);
    assert.equal(progress.canBumpCommit(6), true);
  });
});

test('a clone is equal, and goes its own way', () => {
  const progress = replicating(4, 3);
  progress.sentCommitTo(4);
  progress.recoveringTerm = 2;
  const clone = progress.clone();
  assert.equal(describeProgress(clone), describeProgress(progress));
  assert.equal(clone.sentCommit, 4);
  clone.becomeSnapshot(30);
  assert.equal(describeProgress(clone.clone()), describeProgress(clone));
  assert.equal(
    describeProgress(progress),
    'StateReplicate match=4 next=8 paused inflight=3[full] recovering=2',
  );
});

test('members are printed one a line, in the order of their numbers', () => {
  const learner = peer(0, 1, { isLearner: true, recentActive: false });
  const members = new Map([
    [10, peer(3)],
    [9, learner],
  ]);
  assert.equal(
    describeProgressMap(members),
    '9: StateProbe match=0 next=1 learner inactive\n10: StateProbe match=3 next=4\n',
  );
});
