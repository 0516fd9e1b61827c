// SPDX-License-Identifier: Apache-2.0
// How a leader hands over: the thesis, section 3.10.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RaftCluster } from '../../support/raft-cluster.ts';

const three = { voters: [1, 2, 3] };

function transfer(cluster: RaftCluster, from: number, to: number): RaftCluster {
  cluster.member(from).node.transferLeader(to);
  return cluster.settle();
}

describe('a leader hands over', () => {
  test('at once to a member that has everything, and follows it', () => {
    const cluster = new RaftCluster(three).elect(1);
    transfer(cluster, 1, 3);
    assert.deepEqual([cluster.leader, cluster.state(1), cluster.term(1)], [3, 'StateFollower', 2]);
  });

  test('at the wish of a follower too', () => {
    const cluster = new RaftCluster(three).elect(1);
    transfer(cluster, 2, 3);
    assert.equal(cluster.leader, 3);
  });

  test('to a member that lags only when it has caught up', () => {
    const cluster = new RaftCluster(three).elect(1).partition(3);
    for (const text of 'abcdef') {
      cluster.propose(1, text);
    }
    cluster.heal();
    transfer(cluster, 1, 3).tick(2);
    assert.deepEqual([cluster.leader, cluster.applied(3)], [3, 'abcdef']);
  });

  test('B20: and takes no proposals meanwhile, so that the other one can catch up at all', () => {
    const cluster = new RaftCluster(three).elect(1).hold(({ type }) => type === 'MsgTimeoutNow');
    transfer(cluster, 1, 3);
    assert.equal(cluster.propose(1, 'a'), 'proposal-dropped');
    cluster.release();
    assert.equal(cluster.propose(3, 'b'), undefined);
    assert.equal(cluster.applied(1), 'b');
  });

  test('B20: while writes arrive, without losing any that was not refused', () => {
    const cluster = new RaftCluster(three).elect(1);
    let accepted = '';
    for (const [place, text] of 'abcdefghijklmnop'.split('').entries()) {
      if (place % 4 === 3) {
        cluster.member(cluster.leader ?? 0).node.transferLeader((place % 3) + 1);
      }
      for (const { id, node } of cluster.members.values()) {
        if (id === cluster.leader && node.propose(Buffer.from(text)) === undefined) {
          accepted += text;
        }
      }
      cluster.settle();
    }
    cluster.tick(2);
    assert.equal(cluster.applied(2), accepted);
    assert.ok(accepted.length > 8, 'most were accepted');
  });

  test('but goes on after an election timeout, if nothing has come of it', () => {
    const cluster = new RaftCluster(three).elect(1).crash(3);
    transfer(cluster, 1, 3);
    assert.equal(cluster.member(1).node.basicStatus().leadTransferee, 3);
    cluster.tick(10);
    assert.equal(cluster.member(1).node.basicStatus().leadTransferee, 0);
    assert.equal(cluster.propose(1, 'a'), undefined);
    assert.equal(cluster.applied(2), 'a');
  });

  test('to the one that was asked for last', () => {
    const cluster = new RaftCluster(three).elect(1).crash(3);
    transfer(cluster, 1, 3);
    transfer(cluster, 1, 2);
    assert.equal(cluster.leader, 2);
  });

  test('not to itself, nor to a learner, nor to a stranger', () => {
    const cluster = new RaftCluster({ voters: [1, 2], learners: [3] }).elect(1);
    for (const to of [1, 3, 9]) {
      transfer(cluster, 1, to);
      assert.equal(cluster.member(1).node.basicStatus().leadTransferee, 0, `${to}`);
    }
    assert.deepEqual([cluster.leader, cluster.term(1)], [1, 1]);
  });

  test('no longer to a member that is removed meanwhile', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.hold(({ type, from, to }) => type === 'MsgAppResp' && (from === 2 || to === 2));
    cluster.lose(({ from, to }) => from === 3 || to === 3);
    cluster.change(1, 'r3');
    transfer(cluster, 1, 3);
    assert.equal(cluster.member(1).node.basicStatus().leadTransferee, 3);
    cluster.release();
    assert.equal(cluster.member(1).node.basicStatus().leadTransferee, 0);
  });
});

describe('the one that is handed over to', () => {
  test('B20: is voted for at once, though all hear their leader', () => {
    const cluster = new RaftCluster({ ...three, settings: { preVote: true, checkQuorum: true } }).elect(1);
    transfer(cluster, 1, 2);
    assert.deepEqual([cluster.leader, cluster.term(3)], [2, 2], 'and it asked no pre-votes');
  });

  test('B20: does not stand if it has been removed', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.change(1, 'r3').tick(2);
    // It has not heard of it from the leader any more, but it gets the message that was under way.
    cluster.member(3).node.applyConfChange({
      kind: 'v1',
      type: 'ConfChangeRemoveNode',
      nodeId: 3,
      context: Buffer.alloc(0),
    });
    cluster.deliver({ type: 'MsgTimeoutNow', to: 3, from: 1, term: 1 });
    assert.deepEqual([cluster.state(3), cluster.term(3)], ['StateFollower', 1]);
  });

  test('does not stand if it is a learner', () => {
    const cluster = new RaftCluster({ voters: [1, 2], learners: [3] }).elect(1);
    cluster.deliver({ type: 'MsgTimeoutNow', to: 3, from: 1, term: 1 });
    assert.deepEqual([cluster.state(3), cluster.leader], ['StateFollower', 1]);
  });
});
