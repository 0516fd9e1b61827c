// SPDX-License-Identifier: Apache-2.0
// Snapshots for those whose entries are compacted: the Raft paper, section 7.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MsgSnap } from '../../../src/raft/index.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';

/** Node 3 was away while the leader, node 1, wrote five entries and compacted them. Snapshots to it are held up. */
function farBehind(settings = {}): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3], settings }).elect(1).partition(3);
  for (const text of 'abcde') {
    cluster.propose(1, text);
  }
  cluster.member(1).storage.compact(6);
  return cluster.heal().hold(({ type }) => type === 'MsgSnap');
}

function progressOf(cluster: RaftCluster) {
  const progress = cluster.member(1).node.status().progress.get(3);
  assert.ok(progress !== undefined);
  return progress;
}

function heldSnapshot(cluster: RaftCluster): MsgSnap {
  const [message] = cluster.held;
  assert.ok(message?.type === 'MsgSnap');
  return message;
}

describe('a follower that is too far behind', () => {
  test('is sent a snapshot, and nothing else until it has it', () => {
    const cluster = farBehind().tick(2);
    assert.equal(heldSnapshot(cluster).snapshot.metadata.index, 6);
    assert.deepEqual([progressOf(cluster).state, progressOf(cluster).pendingSnapshot], ['StateSnapshot', 6]);
    cluster.propose(1, 'f');
    cluster.tick(5);
    assert.equal(cluster.held.length, 1);
    assert.equal(cluster.committed(1), 7, 'the others go on');
  });

  test('has the state and the configuration of the snapshot afterwards, and the log goes on from there', () => {
    const cluster = farBehind().tick(2);
    cluster.propose(1, 'f');
    cluster.release();
    assert.equal(cluster.applied(3), 'abcdef');
    assert.deepEqual(cluster.member(3).confState.voters, [1, 2, 3]);
    assert.equal(progressOf(cluster).state, 'StateReplicate');
    cluster.propose(1, 'g');
    assert.equal(cluster.applied(3), 'abcdefg');
  });

  test('B19: leaves the wait for a snapshot as soon as its log meets the one of the leader, in whatever way', () => {
    const cluster = farBehind();
    cluster.propose(1, 'f');
    cluster.tick(2);
    assert.equal(progressOf(cluster).pendingSnapshot, 7);
    // It gets an earlier one, from somebody else. The leader's log goes on from there.
    const snapshot = cluster.member(1).history.find(({ metadata }) => metadata.index === 6);
    assert.ok(snapshot !== undefined);
    cluster.heal().deliver({ type: 'MsgSnap', to: 3, from: 1, term: 1, snapshot });
    assert.deepEqual([progressOf(cluster).state, cluster.applied(3)], ['StateReplicate', 'abcdef']);
  });

  test('is tried again after a heartbeat when the driver reports that it did not get it', () => {
    const cluster = farBehind().tick(2);
    cluster.held = [];
    cluster.member(1).node.reportSnapshot(3, 'failure');
    assert.deepEqual([progressOf(cluster).state, progressOf(cluster).next], ['StateProbe', 2]);
    cluster.heal().tick(2);
    assert.equal(cluster.applied(3), 'abcde');
  });

  test('goes on after the snapshot when the driver reports that it got it, and its own answer was lost', () => {
    const cluster = farBehind().tick(2);
    cluster.lose(({ type, from }) => type === 'MsgAppResp' && from === 3);
    cluster.release();
    assert.equal(progressOf(cluster).state, 'StateSnapshot');
    cluster.heal();
    cluster.member(1).node.reportSnapshot(3, 'finish');
    assert.deepEqual([progressOf(cluster).state, progressOf(cluster).next], ['StateProbe', 7]);
    cluster.tick(2);
    assert.equal(progressOf(cluster).state, 'StateReplicate');
  });

  test('is not sent one while it is not heard from', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3], settings: { checkQuorum: true } }).elect(1).crash(3);
    cluster.tick(25);
    cluster.propose(1, 'a');
    cluster.member(1).storage.compact(2);
    cluster.member(1).node.reportUnreachable(3);
    let snapshots = 0;
    cluster.lose(({ type }) => {
      snapshots += type === 'MsgSnap' ? 1 : 0;
      return false;
    });
    cluster.propose(1, 'b');
    cluster.tick(10);
    assert.equal(snapshots, 0);
    cluster.restart(3).tick(2);
    assert.deepEqual([snapshots, cluster.applied(3)], [1, 'ab']);
  });

  test('waits while no snapshot can be had', () => {
    const cluster = farBehind();
    const { storage } = cluster.member(1);
    storage.useSnapshots(() => undefined);
    cluster.tick(3);
    assert.equal(cluster.held.length, 0);
    storage.useSnapshots(() => cluster.member(1).state);
    cluster.tick(2).release();
    assert.equal(cluster.applied(3), 'abcde');
  });

  test('may get it after it is a learner only', () => {
    const cluster = farBehind().change(1, 'l3').tick(2).release();
    assert.deepEqual(cluster.member(3).confState.learners, [3]);
    assert.equal(cluster.applied(3), 'abcde');
  });
});

describe('a snapshot', () => {
  const snapshotOf = (cluster: RaftCluster): MsgSnap => ({
    type: 'MsgSnap',
    to: 3,
    from: 1,
    term: 1,
    snapshot: cluster.member(1).state,
  });

  test('that is behind what is committed changes nothing', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] }).elect(1);
    cluster.propose(1, 'a');
    const old = snapshotOf(cluster);
    cluster.propose(1, 'b');
    cluster.deliver(old);
    assert.deepEqual([cluster.applied(3), cluster.terms(3)], ['ab', '1 1 1']);
  });

  test('B14: whose last entry is in the log commits up to there, and throws nothing away', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] }).elect(1);
    cluster.hold(({ type, to, from }) => to === 3 && type === 'MsgHeartbeat' && from === 1);
    cluster.lose((message) => message.to === 3 && message.type === 'MsgApp' && message.entries.length === 0);
    cluster.propose(1, 'a');
    cluster.propose(1, 'b');
    assert.deepEqual([cluster.terms(3), cluster.committed(3)], ['1 1 1', 2]);
    const { metadata } = cluster.member(1).state;
    assert.equal(metadata.index, 3);
    cluster.deliver(snapshotOf(cluster));
    assert.deepEqual([cluster.terms(3), cluster.committed(3), cluster.applied(3)], ['1 1 1', 3, 'ab']);
  });

  test('of a cluster to which the node does not belong is refused', () => {
    const cluster = farBehind();
    const message = snapshotOf(cluster);
    const confState = { ...message.snapshot.metadata.confState, voters: [1, 2] };
    const metadata = { ...message.snapshot.metadata, confState };
    cluster.heal().deliver({ ...message, snapshot: { ...message.snapshot, metadata } });
    assert.equal(cluster.committed(3), 1);
  });

  test('keeps a node from standing for election until it is in its place', () => {
    const cluster = farBehind({ asyncStorageWrites: true });
    cluster.tick(2);
    const { node, raft } = cluster.member(3);
    node.step(heldSnapshot(cluster));
    node.campaign();
    assert.equal(raft.state, 'StateFollower');
    cluster.release();
    cluster.elect(3);
  });

  test('comes before the committed entries that follow it', () => {
    const cluster = farBehind({ asyncStorageWrites: true });
    cluster.tick(2);
    const { node } = cluster.member(3);
    node.step(heldSnapshot(cluster));
    const ready = node.ready();
    assert.deepEqual([ready.snapshot?.metadata.index, ready.committedEntries.length], [6, 0]);
  });

  test('leads to the same configuration as the log does, joint ones and learners included', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.add(4);
    cluster.add(5);
    cluster.elect(1).partition(3);
    cluster.change(1, 'v4 l2', 'ConfChangeTransitionJointExplicit').tick(2);
    cluster.member(1).storage.compact(2);
    cluster.heal().tick(3);
    assert.deepEqual(cluster.member(3).raft.tracker.confState(), cluster.member(1).confState);
    assert.deepEqual(cluster.member(3).confState.learnersNext, [2]);
  });
});
