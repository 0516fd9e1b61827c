// SPDX-License-Identifier: Apache-2.0
// How a leader paces what it sends: the thesis, 10.2.1, and the three states of a peer in etcd's raft library.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message, MsgApp } from '../../../src/raft/index.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';

/** A leader, node 1, whose messages to node 2 are kept, and the peer as the leader sees it. */
function leaderAndPeer(settings = {}) {
  const cluster = new RaftCluster({ voters: [1, 2, 3], settings }).elect(1);
  const peer = () => {
    const progress = cluster.member(1).node.status().progress.get(2);
    assert.ok(progress !== undefined);
    return progress;
  };
  return { cluster, peer };
}

const isAppend = (message: Message): message is MsgApp => message.type === 'MsgApp' && message.to === 2;

describe('while a peer keeps up', () => {
  test('appends are sent without waiting for answers, each once', () => {
    const { cluster, peer } = leaderAndPeer();
    cluster.hold(isAppend);
    for (const text of 'abcde') {
      cluster.propose(1, text);
    }
    const sent = cluster.held.filter(isAppend).filter(({ entries }) => entries.length > 0);
    assert.deepEqual(
      sent.map(({ entries }) => entries.map(({ index }) => index)),
      [[2], [3], [4], [5], [6]],
    );
    assert.deepEqual([peer().match, peer().next, peer().inflights.count], [1, 7, 5]);
  });

  test('no more than the window are on their way', () => {
    const { cluster, peer } = leaderAndPeer({ maxInflightMsgs: 3 });
    cluster.hold(isAppend);
    for (const text of 'abcdefgh') {
      cluster.propose(1, text);
    }
    assert.deepEqual([peer().inflights.count, peer().isPaused()], [3, true]);
    cluster.release();
    assert.deepEqual([peer().match, cluster.applied(2)], [9, 'abcdefgh']);
  });

  test('no more bytes than allowed are on their way', () => {
    const { cluster, peer } = leaderAndPeer({ maxSizePerMsg: 1000, maxInflightBytes: 3000 });
    cluster.hold(isAppend);
    for (let count = 0; count < 10; count += 1) {
      cluster.propose(1, 'x'.repeat(1000));
    }
    assert.equal(peer().inflights.bytes, 3000);
    cluster.release();
    assert.equal(cluster.applied(2).length, 10_000);
  });

  test('messages are no larger than allowed, unless a single entry is', () => {
    const { cluster } = leaderAndPeer({ maxSizePerMsg: 100 });
    cluster.partition(2);
    for (const size of [30, 30, 30, 500, 30]) {
      cluster.propose(1, 'x'.repeat(size));
    }
    const counts: number[] = [];
    cluster.heal().lose((message) => {
      if (isAppend(message) && message.entries.length > 0) {
        counts.push(message.entries.length);
      }
      return false;
    });
    cluster.tick(2);
    assert.equal(cluster.applied(2).length, 620);
    assert.ok(
      counts.every((count) => count <= 2),
      counts.join(' '),
    );
  });
});

describe('a peer that is lost', () => {
  test('B18: recovers from a window whose messages were all lost, by the answer to a heartbeat', () => {
    const { cluster, peer } = leaderAndPeer({ maxInflightMsgs: 3 });
    cluster.lose(isAppend);
    for (const text of 'abcdefgh') {
      cluster.propose(1, text);
    }
    assert.ok(peer().inflights.full());
    cluster.heal().tick(2);
    assert.equal(cluster.applied(2), 'abcdefgh');
  });

  test('is probed with one append at a time when it was unreachable, and then sent all', () => {
    const { cluster, peer } = leaderAndPeer();
    cluster.lose(isAppend);
    cluster.propose(1, 'a');
    cluster.member(1).node.reportUnreachable(2);
    assert.deepEqual([peer().state, peer().next], ['StateProbe', 2]);
    cluster.propose(1, 'b');
    cluster.propose(1, 'c');
    assert.ok(peer().isPaused(), 'one probe is on its way');
    cluster.heal().tick(2);
    assert.deepEqual([peer().state, cluster.applied(2)], ['StateReplicate', 'abc']);
  });

  test('that has everything leaves probing by an empty append', () => {
    const { cluster, peer } = leaderAndPeer();
    cluster.member(1).node.reportUnreachable(2);
    assert.equal(peer().state, 'StateProbe');
    cluster.tick(1);
    assert.equal(peer().state, 'StateReplicate');
  });

  test('learns what was committed in its absence with the next heartbeat', () => {
    const { cluster } = leaderAndPeer();
    cluster.lose((message) => isAppend(message) && message.entries.length === 0);
    cluster.propose(1, 'a');
    assert.equal(cluster.committed(2), 1, 'the message with the commit index is lost');
    cluster.tick(1);
    assert.equal(cluster.committed(2), 2);
  });
});

describe('a leader with too much that is not committed', () => {
  test('drops proposals until some of it is applied', () => {
    const { cluster } = leaderAndPeer({ maxUncommittedEntriesSize: 100 });
    cluster.partition(1);
    assert.equal(cluster.propose(1, 'x'.repeat(60)), undefined);
    assert.equal(cluster.propose(1, 'x'.repeat(60)), 'proposal-dropped');
    assert.equal(cluster.propose(1, 'x'.repeat(40)), undefined, 'what fits still goes');
    assert.equal(cluster.propose(1, 'x'), 'proposal-dropped');
    cluster.heal().tick(2);
    assert.equal(cluster.applied(2).length, 100);
    assert.equal(cluster.propose(1, 'x'.repeat(90)), undefined);
  });

  test('takes one proposal of any size, or it could never be made', () => {
    const { cluster } = leaderAndPeer({ maxUncommittedEntriesSize: 100 });
    assert.equal(cluster.propose(1, 'x'.repeat(5000)), undefined);
    assert.equal(cluster.applied(3).length, 5000);
  });

  test('never refuses what has no data, and by which a joint configuration is left', () => {
    const { cluster } = leaderAndPeer({ maxUncommittedEntriesSize: 10 });
    cluster.partition(1);
    cluster.propose(1, 'x'.repeat(20));
    assert.equal(cluster.propose(1, ''), undefined);
  });
});
