// SPDX-License-Identifier: Apache-2.0
// How a cluster protects itself against elections that nobody needs: PreVote (thesis, 9.6) and CheckQuorum (6.2;
// paper, 6).
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MsgPreVote } from '../../../src/raft/index.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';

const three = { voters: [1, 2, 3] };
const preVote = { preVote: true };
const checkQuorum = { checkQuorum: true };
const both = { preVote: true, checkQuorum: true };

function preVoteRequest(fields: Partial<MsgPreVote>): MsgPreVote {
  return {
    type: 'MsgPreVote',
    to: 1,
    from: 2,
    term: 2,
    index: 0,
    logTerm: 0,
    context: Buffer.alloc(0),
    ...fields,
  };
}

describe('a node that was cut off', () => {
  test('disturbs the cluster with its later term when it comes back, without PreVote', () => {
    const cluster = new RaftCluster(three).elect(1).partition(3);
    cluster.tick(100).heal().tickUntilElected();
    assert.ok(cluster.term(1) > 1, 'the leader had to give way to a term that nobody needs');
  });

  test('has asked in vain and has not begun a term, with PreVote', () => {
    const cluster = new RaftCluster({ ...three, settings: preVote }).elect(1).partition(3);
    cluster.tick(100);
    assert.deepEqual([cluster.state(3), cluster.term(3)], ['StatePreCandidate', 1]);
    cluster.heal().tick(20);
    assert.deepEqual([cluster.leader, cluster.term(1), cluster.state(3)], [1, 1, 'StateFollower']);
  });

  test('cannot be elected by those who hear the leader, even if its log is as long', () => {
    const cluster = new RaftCluster({ ...three, settings: both }).elect(1);
    cluster.campaign(3);
    assert.deepEqual([cluster.leader, cluster.term(1)], [1, 1]);
  });

  test('with a later term is set free, by an election that costs the leader its term only', () => {
    // It got its term before PreVote was switched on, say.
    const cluster = new RaftCluster({ ...three, settings: checkQuorum }).elect(1).partition(3);
    cluster.tick(100, [3]).heal();
    const stuck = cluster.term(3);
    cluster.tick(1);
    assert.equal(cluster.term(1), stuck, 'the leader hears of the later term from the answer to a heartbeat');
    cluster.tickUntilElected();
    assert.notEqual(cluster.leader, undefined);
  });
});

describe('PreVote', () => {
  test('elects a leader in two rounds, of which the first one changes nothing', () => {
    const cluster = new RaftCluster({ ...three, settings: preVote });
    cluster.hold(({ type }) => type === 'MsgVote');
    cluster.campaign(1);
    assert.deepEqual(
      [cluster.state(1), cluster.state(2), cluster.term(2)],
      ['StateCandidate', 'StateFollower', 0],
    );
    cluster.release();
    assert.deepEqual([cluster.leader, cluster.term(2)], [1, 1]);
  });

  test('B17: to ask forgets the leader and old votes, and touches neither term nor vote', () => {
    const cluster = new RaftCluster({ ...three, settings: preVote }).elect(1).partition(2);
    const { raft } = cluster.member(2);
    cluster.campaign(2);
    assert.deepEqual([raft.term, raft.vote, raft.lead], [1, 1, 0]);
    assert.deepEqual([...raft.tracker.votes], [[2, true]], 'only the answers to this question count');
  });

  test('B17: that was answered too late is asked anew, and the answers of both times are not added up', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3, 4, 5], settings: preVote });
    cluster.lose(({ from, to }) => from > 2 || to > 2).campaign(1);
    assert.equal(cluster.state(1), 'StatePreCandidate', 'with the grant of node 2 alone');
    cluster.lose(({ from, to }) => ![1, 3].includes(from) || ![1, 3].includes(to)).campaign(1);
    assert.equal(cluster.state(1), 'StatePreCandidate', 'with the grant of node 3 alone');
  });

  test('B17: is granted with the term that was asked about, which the voter does not enter', () => {
    const cluster = new RaftCluster({ ...three, settings: preVote });
    const { raft, node } = cluster.member(1);
    node.step(preVoteRequest({ term: 9 }));
    const [response] = raft.messagesAfterAppend;
    assert.deepEqual([response?.type, response?.term, raft.term, raft.vote], ['MsgPreVoteResp', 9, 0, 0]);
  });

  test('B17: is refused with the own term, so that the one who asks can catch up', () => {
    const cluster = new RaftCluster({ ...three, settings: preVote, logs: { 1: [5, 5] } });
    const { raft, node } = cluster.member(1);
    node.step(preVoteRequest({ term: 9 }));
    const [response] = raft.messagesAfterAppend;
    assert.ok(response?.type === 'MsgPreVoteResp');
    assert.deepEqual([response.reject, response.term], [true, 5]);
  });

  test('B17: of an earlier term is answered, or a node with the longest log might never win', () => {
    // Node 2 has an empty log and term 7; node 1, of term 2, is the only one who can lead.
    const cluster = new RaftCluster({ ...three, settings: preVote, logs: { 1: [1, 2] } });
    cluster.crash(3);
    cluster.deliver({ type: 'MsgHeartbeat', to: 2, from: 3, term: 7, commit: 0, context: Buffer.alloc(0) });
    cluster.member(2).node.forgetLeader();
    cluster.campaign(1);
    assert.equal(cluster.term(1), 7, 'the refusal has told it of the term');
    cluster.elect(1);
  });

  test('B17: answers that come late do not count in the election that follows', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3, 4, 5], settings: preVote });
    cluster.hold(({ type, from }) => type === 'MsgVote' || (type === 'MsgPreVoteResp' && from > 3));
    cluster.campaign(1);
    assert.equal(cluster.state(1), 'StateCandidate');
    cluster.release((messages) => messages.filter(({ type }) => type === 'MsgPreVoteResp'));
    assert.equal(cluster.state(1), 'StateCandidate', 'two late grants make no leader');
  });

  test('is lost by a majority of refusals, and then the node follows again', () => {
    const cluster = new RaftCluster({ ...three, settings: preVote, logs: { 2: [1], 3: [1] }, term: 1 });
    cluster.campaign(1);
    assert.deepEqual([cluster.state(1), cluster.term(1)], ['StateFollower', 1]);
  });
});

describe('a leader that checks its quorum', () => {
  test('steps down within an election timeout after it has lost it', () => {
    const cluster = new RaftCluster({ ...three, settings: checkQuorum }).elect(1).partition(1);
    cluster.tick(20, [1]);
    assert.equal(cluster.state(1), 'StateFollower');
    assert.equal(cluster.propose(1, 'a'), 'proposal-dropped');
  });

  test('stays with a quorum, whoever belongs to it', () => {
    const cluster = new RaftCluster({ ...three, settings: checkQuorum }).elect(1).crash(3).tick(100);
    cluster.restart(3).crash(2).tick(100);
    assert.deepEqual([cluster.leader, cluster.term(1)], [1, 1]);
  });

  test('does not count learners', () => {
    const cluster = new RaftCluster({ voters: [1, 2], learners: [3, 4], settings: checkQuorum }).elect(1);
    cluster.crash(2).tick(20);
    assert.equal(cluster.state(1), 'StateFollower');
  });

  test('B16: needs both halves of a joint configuration', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3], settings: checkQuorum });
    for (const id of [4, 5]) {
      cluster.add(id);
    }
    cluster.elect(1).change(1, 'v4 v5 r2 r3', 'ConfChangeTransitionJointExplicit').tick(5);
    assert.equal(cluster.member(1).confState.votersOutgoing.length, 3);
    // 1, 2 and 3 are all of the old majority, and one of three in the new one.
    cluster.crash(4).crash(5).tick(20);
    assert.equal(cluster.state(1), 'StateFollower');
  });
});

describe('a follower that forgets its leader', () => {
  test('votes at once for another one, though the leader lives', () => {
    const cluster = new RaftCluster({ ...three, settings: both }).elect(1);
    for (const id of [2, 3]) {
      assert.equal(cluster.member(id).node.forgetLeader(), undefined);
    }
    cluster.elect(3);
    assert.equal(cluster.term(1), 2);
  });

  test('hears of it with the next heartbeat', () => {
    const cluster = new RaftCluster({ ...three, settings: both }).elect(1);
    cluster.member(2).node.forgetLeader();
    assert.equal(cluster.member(2).raft.lead, 0);
    cluster.tick(1);
    assert.equal(cluster.member(2).raft.lead, 1);
  });

  test('does not forget it where leases for reads are built on that', () => {
    const settings = { checkQuorum: true, readOnlyOption: 'ReadOnlyLeaseBased' } as const;
    const cluster = new RaftCluster({ ...three, settings }).elect(1);
    cluster.member(2).node.forgetLeader();
    assert.equal(cluster.member(2).raft.lead, 1);
  });
});
