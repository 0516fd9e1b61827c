// SPDX-License-Identifier: Apache-2.0
// How several members change at once: the thesis, section 4.3; the paper, section 6.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Entry, NodeId } from '../../../src/raft/index.ts';
import { leadingCluster, type RaftCluster } from '../../support/raft-cluster.ts';

const leavesJoint = ({ type, data }: Entry) => type === 'EntryConfChangeV2' && data.length === 0;

const votersOf = (cluster: RaftCluster, id: NodeId) => cluster.member(id).confState.voters;

describe('several members at once', () => {
  test('change by a joint configuration, which the leader leaves by itself', () => {
    const cluster = leadingCluster([1, 2, 3], [4, 5]);
    cluster.change(1, 'v4 v5 r2 r3').tick(2);
    const { confState } = cluster.member(1);
    assert.deepEqual(
      [confState.voters, confState.votersOutgoing, confState.autoLeave],
      [[1, 4, 5], [], false],
    );
    cluster.crash(2).crash(3);
    cluster.propose(1, 'a');
    assert.equal(cluster.applied(5), 'a');
  });

  test('are not held up by a handover that was under way when they took effect, and failed', () => {
    const cluster = leadingCluster([1, 2, 3], [4, 5]);
    cluster.hold(({ type }) => type === 'MsgAppResp').change(1, 'v4 v5 r2');
    cluster.crash(3).member(1).node.transferLeader(3);
    cluster.release();
    assert.deepEqual(
      cluster.member(1).confState.votersOutgoing,
      [1, 2, 3],
      'a leader that hands over appends nothing',
    );
    cluster.tick(20);
    assert.deepEqual(cluster.member(1).confState.votersOutgoing, []);
    assert.deepEqual(votersOf(cluster, 1), [1, 3, 4, 5]);
  });

  test('B16: need both majorities for every commit while the configuration is joint', () => {
    const cluster = leadingCluster([1, 2, 3], [4, 5]);
    cluster.change(1, 'v4 v5 r2 r3', 'ConfChangeTransitionJointExplicit').tick(2);
    const before = cluster.committed(1);
    cluster.crash(4).crash(5);
    cluster.propose(1, 'a');
    assert.equal(cluster.committed(1), before, 'the new majority is missing');
    cluster.restart(4).crash(2).crash(3).tick(2);
    cluster.propose(1, 'b');
    assert.equal(cluster.applied(4), 'a', 'what came while both were there');
    cluster.restart(2).tick(2);
    assert.equal(cluster.applied(4), 'ab');
  });

  test('B16: need both majorities for an election while the configuration is joint', () => {
    const cluster = leadingCluster([1, 2, 3], [4, 5]);
    cluster.change(1, 'v4 v5 r2 r3', 'ConfChangeTransitionJointExplicit').tick(2);
    cluster.crash(1).crash(2);
    cluster.campaign(4);
    assert.equal(cluster.state(4), 'StateCandidate', '4 and 5 are a new majority, 3 alone is no old one');
    cluster.restart(2).elect(4);
  });

  test('stay joint until they are told, if that was asked for, and change no further meanwhile', () => {
    const cluster = leadingCluster([1, 2, 3], [4, 5]);
    cluster.change(1, 'v4', 'ConfChangeTransitionJointExplicit').tick(2);
    assert.deepEqual(cluster.member(1).confState.votersOutgoing, [1, 2, 3]);
    cluster.change(1, 'v5').tick(2);
    assert.deepEqual(votersOf(cluster, 1), [1, 2, 3, 4], 'first the joint configuration must be left');
    cluster.change(1, '').tick(2);
    assert.deepEqual(cluster.member(1).confState.votersOutgoing, []);
    cluster.change(1, 'v5').tick(2);
    assert.deepEqual(votersOf(cluster, 1), [1, 2, 3, 4, 5]);
  });

  test('leave the joint configuration by the next leader, if the first one dies before', () => {
    const cluster = leadingCluster([1, 2, 3], [4, 5]).change(1, 'l4').change(1, 'l5').tick(2);
    cluster.hold((message) => message.type === 'MsgApp' && message.entries.some(leavesJoint));
    cluster.change(1, 'v4 v5 r2 r3').tick(2);
    assert.deepEqual(cluster.member(4).confState.votersOutgoing, [1, 2, 3]);
    // The wish to leave it dies with the leader, which alone has it in its log.
    cluster.crash(1).heal();
    cluster.held = [];
    cluster.tickUntilElected().tick(2);
    assert.equal(cluster.leader, 4, 'whoever led first may have been an outgoing voter');
    assert.deepEqual(cluster.member(4).confState.votersOutgoing, []);
    assert.deepEqual(votersOf(cluster, 4), [1, 4, 5]);
  });

  test('can turn a voter into a learner, which votes until the joint configuration is left', () => {
    const cluster = leadingCluster([1, 2, 3], [4]);
    cluster.change(1, 'v4 l3', 'ConfChangeTransitionJointExplicit').tick(2);
    assert.deepEqual(cluster.member(1).confState.learnersNext, [3]);
    cluster.change(1, '').tick(2);
    const { voters, learners } = cluster.member(3).confState;
    assert.deepEqual([voters, learners], [[1, 2, 4], [3]]);
  });
});
