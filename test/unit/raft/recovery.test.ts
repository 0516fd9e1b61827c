// SPDX-License-Identifier: Apache-2.0
// A node that lost entries which it had acknowledged comes back without doing harm (see src/raft/recovery.ts).
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message } from '../../../src/raft/index.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';

const three = { voters: [1, 2, 3] };

/** Node 3 has acknowledged entries up to 4 in term 1, and lost all from 3 on. It is down. */
function damaged(settings = {}): RaftCluster {
  const cluster = new RaftCluster({ ...three, settings }).elect(1);
  for (const text of 'abc') {
    cluster.propose(1, text);
  }
  cluster.crash(3);
  const member = cluster.member(3);
  member.loseFrom(3);
  assert.deepEqual([member.state.metadata.index, member.storage.lastIndex()], [2, 2]);
  return cluster;
}

const recovering = { recoveringTerm: 1 };

/** Node 2 leads term 2, of which nothing is committed, with no one but the recovering node 3; node 1 is down. */
function leaderWithRecovering(settings = {}): RaftCluster {
  const cluster = damaged(settings);
  cluster.lose(({ type }) => type === 'MsgApp');
  cluster.member(1).node.transferLeader(2);
  return cluster.settle().crash(1).heal().restart(3, recovering).tick(3);
}

describe('a recovering node', () => {
  test('neither stands for election nor votes', () => {
    const cluster = damaged().crash(1).crash(2).restart(3, recovering);
    cluster.tick(100);
    cluster.campaign(3);
    cluster.deliver({ type: 'MsgTimeoutNow', to: 3, from: 1, term: 1 });
    assert.deepEqual([cluster.state(3), cluster.term(3)], ['StateFollower', 1]);
    cluster.crash(3).restart(2).restart(3);
    cluster.campaign(2);
    assert.equal(cluster.leader, undefined, 'node 2 had won with the vote of node 3');
    assert.equal(cluster.term(3), 2, 'it still takes over the later term');
  });

  test('that voted would lose what was committed: this is what the rule is for', () => {
    // Node 2 missed entry 4. With the vote of node 3, which lost it, it would lead without it.
    const cluster = new RaftCluster(three).elect(1).partition(2);
    cluster.propose(1, 'a');
    assert.equal(cluster.applied(1), 'a');
    cluster.crash(1).heal();
    cluster.crash(3).member(3).loseFrom(2);
    cluster.restart(3, recovering).campaign(2).campaign(2).tick(50);
    assert.equal(cluster.leader, undefined);
    cluster.restart(1).tickUntilElected();
    assert.deepEqual([cluster.leader, cluster.applied(2), cluster.applied(3)], [1, 'a', 'a']);
  });

  test('makes a leader of the term of the loss step down, since it may have counted what is lost', () => {
    const cluster = damaged().restart(3, recovering).tick(1);
    assert.deepEqual([cluster.state(1), cluster.term(1)], ['StateFollower', 1]);
  });

  test('makes a leader of an earlier term step down too, by its own later term', () => {
    const cluster = damaged({ checkQuorum: true }).restart(3, { recoveringTerm: 7 }).tick(1);
    assert.deepEqual([cluster.state(1), cluster.term(1)], ['StateFollower', 7]);
    cluster.tickUntilElected();
    assert.ok(cluster.term(1) > 7);
    assert.equal(cluster.member(3).node.basicStatus().recoveringTerm, 0);
  });

  test('has recovered when a committed entry of a later term is on its disk, and counts again', () => {
    const cluster = damaged().restart(3, recovering);
    assert.equal(cluster.member(3).node.basicStatus().recoveringTerm, 1);
    cluster.tickUntilElected().tick(2);
    assert.equal(cluster.applied(3), 'abc');
    assert.equal(cluster.member(3).node.basicStatus().recoveringTerm, 0);
    const leader = cluster.leader ?? 0;
    assert.equal(cluster.member(leader).node.status().progress.get(3)?.recoveringTerm, 0);
    cluster.crash(leader === 1 ? 2 : 1);
    cluster.propose(leader, 'd');
    assert.equal(cluster.applied(3), 'abcd');
    cluster.elect(3);
  });

  test('has not recovered while that entry is committed only, or on its disk only', () => {
    const cluster = damaged({ asyncStorageWrites: true }).restart(3, recovering);
    const member = cluster.member(3);
    cluster.lose(({ to }) => to === 3).elect(2);
    const entries = cluster.member(2).storage.all().slice(2);
    const place = { index: 2, logTerm: 1, commit: 0 };
    const append = { type: 'MsgApp', to: 3, from: 2, term: 2, ...place, entries } as const;
    // Committed as well as appended by one message, but not written yet:
    member.node.step({ ...append, commit: 5 });
    assert.deepEqual([member.raft.log.committed, member.node.basicStatus().recoveringTerm], [5, 1]);
    member.restart(recovering);
    // On its disk, and not known to be committed:
    member.node.step(append);
    member.handleReady();
    member.processAppend()?.responses.forEach((response) => response.to === 3 && member.node.step(response));
    assert.equal(member.node.basicStatus().recoveringTerm, 1);
    const last = append.entries.at(-1);
    const committing = {
      ...append,
      index: last?.index ?? 0,
      logTerm: last?.term ?? 0,
      entries: [],
      commit: 9,
    };
    member.node.step(committing);
    assert.equal(member.node.basicStatus().recoveringTerm, 0);
  });

  test('is counted for no commit, though it appends and acknowledges', () => {
    const cluster = leaderWithRecovering();
    const progress = cluster.member(2).node.status().progress.get(3);
    assert.deepEqual([cluster.terms(3), progress?.match, progress?.recoveringTerm], ['1 1 1 1 2', 5, 1]);
    assert.equal(cluster.committed(2), 4, 'node 2 alone is no majority');
    cluster.restart(1).tick(2);
    assert.equal(cluster.committed(2), 5);
    assert.equal(cluster.member(3).node.basicStatus().recoveringTerm, 0);
  });

  test('does not keep a leader in its place that checks its quorum', () => {
    const cluster = leaderWithRecovering({ checkQuorum: true }).tick(20);
    assert.equal(cluster.leader, undefined);
  });

  test('takes back at its leader what it had acknowledged, and what it acknowledged since if that is lost too', () => {
    const cluster = new RaftCluster(three).elect(1);
    for (const text of 'abc') {
      cluster.propose(1, text);
    }
    cluster.elect(2);
    const { raft, node } = cluster.member(2);
    const progress = raft.tracker.progress.get(3);
    const answer = { type: 'MsgAppResp', to: 2, from: 3, term: 2, recoveringTerm: 1 } as const;
    assert.equal(progress?.match, 5);
    node.step({ ...answer, index: 3, logTerm: 0, reject: false, rejectHint: 0 });
    assert.deepEqual([progress.match, progress.recoveringTerm], [3, 1]);
    node.step({ ...answer, index: 5, logTerm: 0, reject: false, rejectHint: 0 });
    assert.equal(progress.match, 5);
    node.step({ ...answer, index: 3, logTerm: 0, reject: false, rejectHint: 0 });
    assert.equal(progress.match, 5, 'an answer that comes late is no news');
    node.step({ ...answer, index: 5, logTerm: 1, reject: true, rejectHint: 2 });
    assert.deepEqual([progress.match, progress.next], [2, 3]);
  });

  test('confirms no reads', () => {
    const cluster = damaged().restart(3, recovering);
    const { raft, node } = cluster.member(3);
    const context = Buffer.alloc(8, 1);
    node.step({ type: 'MsgHeartbeat', to: 3, from: 1, term: 2, commit: 0, context });
    const answer = raft.messages.find(({ type }) => type === 'MsgHeartbeatResp');
    assert.ok(answer?.type === 'MsgHeartbeatResp');
    assert.equal(answer.context.length, 0);
  });

  test('takes no commit index from heartbeats, which go by what it had before', () => {
    const cluster = damaged().restart(3, recovering);
    const { node, raft } = cluster.member(3);
    node.step({ type: 'MsgHeartbeat', to: 3, from: 1, term: 1, commit: 4, context: Buffer.alloc(0) });
    assert.equal(raft.log.committed, 2);
  });

  test('believes nothing of its old commit index, since the entries there may be others', () => {
    const cluster = damaged();
    const member = cluster.member(3);
    // Entry 3 was overwritten and committed, and the overwriting is what got lost: the disk has the old entry.
    member.storage.append([{ index: 3, term: 1, type: 'EntryNormal', data: Buffer.from('old') }]);
    member.storage.setHardState({ term: 1, vote: 0, commit: 3 });
    member.restart(recovering);
    assert.deepEqual([member.raft.log.committed, member.node.hasReady()], [2, true]);
    assert.deepEqual(member.node.ready().hardState, { term: 1, vote: 0, commit: 2 });
  });

  test('tells its leader at the first heartbeat, though the leader has nothing to send', () => {
    const cluster = damaged().crash(1).tickUntilElected();
    // Node 2 cannot win alone; node 1 comes back, and one of them leads a term later than the loss.
    cluster.restart(1).tickUntilElected();
    const leader = cluster.leader ?? 0;
    const told: Message[] = [];
    cluster.lose((message) => {
      if (message.type === 'MsgAppResp' && message.from === 3) {
        told.push(message);
      }
      return false;
    });
    cluster.restart(3, recovering).tick(3);
    assert.ok(told.some((message) => message.type === 'MsgAppResp' && message.recoveringTerm === 1));
    assert.equal(cluster.state(leader), 'StateLeader', 'which leads a later term, and may stay');
    assert.equal(cluster.applied(3), 'abc');
  });

  test('that loses more while it recovers is followed back once more', () => {
    const cluster = damaged().restart(3, recovering).tickUntilElected().tick(2);
    const leader = cluster.leader ?? 0;
    for (const text of 'defg') {
      cluster.propose(leader, text);
    }
    const term = cluster.term(leader);
    for (const from of [6, 4]) {
      cluster.crash(3);
      cluster.member(3).loseFrom(from);
      cluster.restart(3, { recoveringTerm: term }).tickUntilElected().tick(2);
    }
    assert.equal(cluster.applied(3), 'abcdefg');
  });

  test('is followed back once between two heartbeats, since refusals that are late would bring about more of them', () => {
    const cluster = leaderWithRecovering().lose(() => true);
    const match = (): number | undefined => cluster.member(2).raft.tracker.progress.get(3)?.match;
    const answer = { type: 'MsgAppResp', to: 2, from: 3, term: cluster.term(2), recoveringTerm: 1 } as const;
    const refuse = (): void => {
      cluster.member(2).node.step({ ...answer, index: 2, logTerm: 1, reject: true, rejectHint: 1 });
    };
    const acknowledge = (): void => {
      cluster.member(2).node.step({ ...answer, index: 2, logTerm: 0, reject: false, rejectHint: 0 });
    };
    cluster.tick(1);
    acknowledge();
    refuse();
    assert.equal(match(), 1);
    acknowledge();
    refuse();
    assert.equal(match(), 2, 'this one was late');
    cluster.tick(1);
    refuse();
    assert.equal(match(), 1, 'it may have lost it once more');
  });

  test('recovers by a snapshot, when its leader has compacted what it lacks', () => {
    const cluster = damaged().crash(1).restart(1).elect(2);
    cluster.propose(2, 'd');
    cluster.member(2).storage.compact(6);
    cluster.restart(3, recovering).tick(3);
    assert.equal(cluster.applied(3), 'abcd');
    assert.equal(cluster.member(3).node.basicStatus().recoveringTerm, 0);
  });

  test('recovers with nothing left at all', () => {
    const cluster = damaged();
    cluster.member(3).loseFrom(1);
    cluster.restart(3, recovering).tickUntilElected().tick(2);
    assert.equal(cluster.applied(3), 'abc');
  });

  test('is not handed the leadership', () => {
    const cluster = leaderWithRecovering();
    cluster.member(2).node.transferLeader(3);
    assert.equal(cluster.member(2).node.basicStatus().leadTransferee, 0);
  });
});
