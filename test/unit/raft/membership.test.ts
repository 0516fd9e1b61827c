// SPDX-License-Identifier: Apache-2.0
// How the members of a cluster change, one at a time: the thesis, chapter 4.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeConfChange, type NodeId } from '../../../src/raft/index.ts';
import { changeOf, leadingCluster, RaftCluster } from '../../support/raft-cluster.ts';

const votersOf = (cluster: RaftCluster, id: NodeId) => cluster.member(id).confState.voters;

describe('one member at a time', () => {
  test('a voter is added, gets the whole log, and counts from then on', () => {
    const cluster = leadingCluster([1, 2], [3]);
    cluster.propose(1, 'a');
    cluster.change(1, 'v3').tick(2);
    assert.deepEqual(votersOf(cluster, 3), [1, 2, 3]);
    assert.equal(cluster.applied(3), 'a');
    cluster.crash(2);
    cluster.propose(1, 'b');
    assert.equal(cluster.applied(1), 'ab', '1 and 3 are a majority now');
  });

  test('a voter is removed, and is not waited for any more', () => {
    const cluster = leadingCluster([1, 2, 3]);
    cluster.crash(3).change(1, 'r3').crash(2).change(1, 'r2');
    cluster.propose(1, 'a');
    assert.equal(cluster.applied(1), '', 'two are still a majority of two, and one is down');
    cluster.restart(2);
    cluster.tick(2);
    assert.deepEqual(votersOf(cluster, 1), [1]);
    assert.equal(cluster.applied(1), 'a');
  });

  test('a change takes effect when it is applied, and not before', () => {
    const cluster = leadingCluster([1, 2], [3]);
    cluster.lose(({ type, from }) => type === 'MsgAppResp' && from === 2);
    cluster.change(1, 'v3');
    assert.deepEqual(votersOf(cluster, 1), [1, 2], 'it is not committed');
    cluster.heal().tick(2);
    assert.deepEqual(votersOf(cluster, 1), [1, 2, 3]);
  });

  test('a second change is made an empty entry while the first one is not applied', () => {
    const cluster = leadingCluster([1, 2, 3], [4, 5]);
    cluster.lose(({ type }) => type === 'MsgAppResp');
    cluster.change(1, 'v4').change(1, 'v5');
    cluster.heal().tick(2);
    assert.deepEqual(votersOf(cluster, 1), [1, 2, 3, 4], 'only one of them has happened');
    cluster.change(1, 'v5');
    assert.deepEqual(votersOf(cluster, 1), [1, 2, 3, 4, 5]);
  });

  // What was committed could not be taken back, and all nodes would stop at it.
  const NOWHERE: readonly (readonly [string, string])[] = [
    ['that would leave no voter', 'r1 r2 r3'],
    ['that leaves a joint configuration which does not exist', ''],
  ];
  for (const [what, words] of NOWHERE) {
    test(`a change ${what} is made an empty entry`, () => {
      const cluster = leadingCluster([1, 2, 3]).change(1, words).tick(2);
      assert.deepEqual(votersOf(cluster, 2), [1, 2, 3]);
      assert.equal(cluster.propose(1, 'a'), undefined);
      assert.equal(cluster.applied(3), 'a');
    });
  }

  test('a change that nobody can read does not get into the log', () => {
    const cluster = leadingCluster([1, 2, 3]);
    const entry = { index: 0, term: 0, type: 'EntryConfChangeV2', data: Buffer.from('nonsense') } as const;
    const forwarded = { type: 'MsgProp', to: 1, from: 2, term: 0, entries: [entry] } as const;
    assert.equal(cluster.member(1).node.step(forwarded), 'proposal-dropped');
    assert.equal(cluster.terms(1), '1');
  });
});

describe('a new leader', () => {
  test('B2: refuses changes until it has applied all that it inherited', () => {
    const cluster = leadingCluster([1, 2, 3, 4], [5]);
    // Nodes 1 and 2 have a change that is not committed. Node 2 leads next, and does not know whether it will be.
    cluster.lose(({ type, to, from }) => type === 'MsgApp' && from === 1 && to !== 2).change(1, 'v5');
    cluster
      .crash(1)
      .heal()
      .hold(({ type }) => type === 'MsgAppResp');
    cluster.elect(2).change(2, 'r3');
    cluster.release().tick(2);
    assert.deepEqual(
      votersOf(cluster, 2),
      [1, 2, 3, 4, 5],
      'the inherited change holds, the hasty one does not',
    );
  });

  test('B2: is not elected while it has committed changes that it has not applied', () => {
    const cluster = leadingCluster([1, 2, 3], [], { asyncStorageWrites: true }).lose(() => true);
    const { node, raft } = cluster.member(2);
    // A change is committed on node 2, and its state machine has not got to it.
    const data = encodeConfChange(changeOf('v9'));
    const entries = [{ index: 2, term: 1, type: 'EntryConfChangeV2', data }] as const;
    node.step({ type: 'MsgApp', to: 2, from: 1, term: 1, index: 1, logTerm: 1, commit: 2, entries });
    node.campaign();
    assert.equal(raft.state, 'StateFollower');
    cluster.settle();
    assert.deepEqual(votersOf(cluster, 2), [1, 2, 3, 9]);
    node.campaign();
    assert.equal(raft.state, 'StateCandidate', 'now it knows whom to ask');
  });

  test('B5: honours a change that its predecessor left uncommitted', () => {
    const cluster = leadingCluster([1, 2, 3], [4]);
    cluster.lose(({ type, to }) => type === 'MsgApp' && to === 3).change(1, 'v4');
    cluster.crash(1).heal();
    cluster.elect(2).tick(2);
    assert.deepEqual(
      [2, 3, 4].map((id) => votersOf(cluster, id)),
      [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
    );
  });

  test('B5: does not know of a change that was overwritten before it was committed', () => {
    const cluster = leadingCluster([1, 2, 3], [4]);
    cluster.partition(1).change(1, 'v4');
    cluster.elect(2).heal().tick(2);
    assert.deepEqual(
      [1, 2, 3].map((id) => votersOf(cluster, id)),
      [
        [1, 2, 3],
        [1, 2, 3],
        [1, 2, 3],
      ],
    );
  });

  test('B5: begins after a restart with the configuration of its applied state, and goes on from the log', () => {
    const cluster = leadingCluster([1, 2, 3], [4]);
    cluster.change(1, 'v4').change(1, 'r3').tick(2);
    for (const id of [1, 2, 4]) {
      cluster.crash(id).restart(id);
    }
    assert.deepEqual(cluster.member(4).raft.tracker.confState().voters, [1, 2, 4]);
    cluster.elect(4);
  });
});

describe('a learner', () => {
  test('gets the log, counts in no quorum, and never stands for election', () => {
    const cluster = new RaftCluster({ voters: [1, 2], learners: [3] }).elect(1);
    cluster.propose(1, 'a');
    assert.equal(cluster.applied(3), 'a');
    cluster.crash(2);
    cluster.propose(1, 'b');
    assert.equal(cluster.committed(1), 2, 'its acknowledgement is none');
    cluster.crash(1).tick(200);
    assert.equal(cluster.state(3), 'StateFollower');
    cluster.campaign(3);
    assert.equal(cluster.state(3), 'StateFollower');
  });

  test('catches up before it is made a voter, so that commits never wait for it', () => {
    const cluster = leadingCluster([1, 2, 3], [4]);
    for (const text of 'abcdefghij') {
      cluster.propose(1, text);
    }
    cluster.change(1, 'l4').tick(2);
    assert.equal(cluster.member(1).node.status().progress.get(4)?.match, cluster.committed(1));
    cluster.change(1, 'v4').crash(2);
    cluster.propose(1, 'k');
    assert.equal(cluster.applied(4), 'abcdefghijk');
  });

  test('B3: votes when it is asked, since it may be a voter without knowing it', () => {
    const cluster = leadingCluster([1, 2, 3], [4]).change(1, 'l4').tick(2);
    // The change that makes node 4 a voter is committed by 1, 2 and 3, and node 4 does not hear of it.
    cluster
      .lose(({ to }) => to === 4)
      .change(1, 'v4')
      .tick(1);
    assert.deepEqual(votersOf(cluster, 3), [1, 2, 3, 4]);
    assert.deepEqual(cluster.member(4).confState.learners, [4]);
    // The leader dies. Three of four are needed now, and node 4 is one of the three that are left.
    cluster.crash(1).heal().elect(3).tick(2);
    assert.deepEqual(votersOf(cluster, 4), [1, 2, 3, 4]);
  });
});

describe('a removed node', () => {
  test('does not disturb the others with elections that it cannot win', () => {
    const cluster = leadingCluster([1, 2, 3, 4], [], { preVote: true, checkQuorum: true });
    // It does not even learn that it is removed.
    cluster
      .lose(({ to }) => to === 4)
      .change(1, 'r4')
      .heal();
    cluster.tick(200);
    assert.deepEqual([cluster.leader, cluster.term(1)], [1, 1]);
  });

  test('B4: that leads does not count itself in the vote on its own removal', () => {
    const cluster = leadingCluster([1, 2, 3, 4]);
    cluster.crash(4).lose(({ type, from }) => type === 'MsgAppResp' && from === 3);
    cluster.change(1, 'r1');
    assert.equal(cluster.committed(1), 1, 'two of four, itself included, are no majority');
    cluster.heal().tick(2);
    assert.deepEqual(votersOf(cluster, 2), [2, 3, 4]);
    assert.equal(cluster.state(1), 'StateFollower', 'it steps down when it applies that');
  });

  test('B4: that goes on leading for want of another one does not count itself any more', () => {
    const cluster = leadingCluster([1, 2, 3], [], { stepDownOnRemoval: false }).change(1, 'r1');
    assert.equal(cluster.state(1), 'StateLeader');
    assert.equal(cluster.propose(1, 'a'), 'proposal-dropped', 'it takes no proposals');
    assert.deepEqual(cluster.member(1).raft.tracker.voterNodes(), [2, 3]);
    cluster.tickUntilElected();
    cluster.elect(2);
  });

  test('B4: that led is followed by a leader of the new configuration, which goes on', () => {
    const cluster = leadingCluster([1, 2, 3]).change(1, 'r1').tickUntilElected();
    assert.equal(cluster.leader, 2);
    cluster.propose(2, 'a');
    assert.equal(cluster.applied(3), 'a');
    assert.equal(cluster.applied(1), '', 'and nothing goes to the removed node');
  });

  test('B4: that led one of two tells the other one of its removal, if only by refusing its vote', () => {
    const settings = { stepDownOnRemoval: true, preVote: true, checkQuorum: true };
    const cluster = new RaftCluster({ voters: [1, 2], settings }).elect(1);
    cluster.hold(({ from, type }) => from === 2 && type === 'MsgAppResp').change(1, 'r1');
    // The leader's log grows beyond the other one's, and that the removal is committed reaches nobody.
    cluster.lose(({ from }) => from === 1).propose(1, 'x');
    cluster.release().heal();
    assert.deepEqual(
      [cluster.state(1), cluster.committed(1) > cluster.committed(2)],
      ['StateFollower', true],
    );
    cluster.tickUntilElected();
    assert.equal(cluster.leader, 2);
    cluster.propose(2, 'a');
    assert.equal(cluster.applied(2), 'a');
  });

  test('is not asked for its vote, and its vote does not count', () => {
    const cluster = leadingCluster([1, 2, 3]).change(1, 'r3');
    const vote = { to: 2, from: 3, term: 2, reject: false, knownCommit: 0, knownCommitTerm: 0 } as const;
    const answer = { type: 'MsgVoteResp', ...vote } as const;
    cluster.crash(1).partition(2).campaign(2);
    assert.equal(cluster.member(2).node.step(answer), 'peer-not-found');
    assert.equal(cluster.state(2), 'StateCandidate');
  });
});
