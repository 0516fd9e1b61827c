// SPDX-License-Identifier: Apache-2.0
// How leaders are elected: the Raft paper, sections 5.2, 5.4.1 and 5.6.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isUpToDate } from '../../../src/raft/entry-id.ts';
import type { MsgVote } from '../../../src/raft/index.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const three = { voters: [1, 2, 3] };

function voteRequest(fields: Partial<MsgVote>): MsgVote {
  return {
    type: 'MsgVote',
    to: 1,
    from: 2,
    term: 2,
    index: 0,
    logTerm: 0,
    context: Buffer.alloc(0),
    ...fields,
  };
}

describe('a leader is elected', () => {
  test('by all who hear nothing from one, once the shortest of their timeouts is over', () => {
    const cluster = new RaftCluster(three);
    cluster.tick(9);
    assert.equal(cluster.leader, undefined, 'nobody stands before the timeout');
    cluster.tick(1);
    assert.equal(cluster.leader, 1);
    assert.deepEqual([cluster.term(1), cluster.term(2), cluster.term(3)], [1, 1, 1]);
  });

  test('and keeps its place as long as its heartbeats arrive', () => {
    const cluster = new RaftCluster(three).elect(2);
    cluster.tick(200);
    assert.deepEqual([cluster.leader, cluster.term(2)], [2, 1]);
  });

  test('and is replaced when it dies, and follows the new one when it comes back', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.crash(1).tickUntilElected();
    assert.equal(cluster.leader, 2);
    cluster.restart(1).tick(1);
    assert.deepEqual([cluster.leader, cluster.state(1), cluster.term(1)], [2, 'StateFollower', 2]);
  });

  test('without the votes of a minority that is down', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3, 4, 5] });
    cluster.crash(4).crash(5);
    cluster.elect(1);
  });

  test('not without a majority, however often it is tried', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3, 4] });
    cluster.crash(3).crash(4).tick(200);
    assert.equal(cluster.leader, undefined, 'half of four is no majority');
  });

  test('by itself alone where it is the only voter', () => {
    const cluster = new RaftCluster({ voters: [1], learners: [2] }).elect(1);
    assert.equal(cluster.committed(2), 1);
  });

  test('in spite of split votes, since the candidates draw new timeouts', (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const settings = { random: (limit: number) => random.below(limit) };
    for (let round = 0; round < 20; round += 1) {
      const cluster = new RaftCluster({ voters: [1, 2, 3, 4], settings });
      // All stand at the same moment, and everybody votes for himself.
      for (const { node } of cluster.members.values()) {
        node.campaign();
      }
      cluster.settle();
      assert.equal(cluster.leader, undefined);
      let ticks = 0;
      while (cluster.leader === undefined) {
        cluster.tick(1);
        ticks += 1;
        assert.ok(ticks < 500, 'chance does not keep them equal for ever');
      }
    }
  });
});

describe('a vote', () => {
  test('is given once a term, to whoever asks first, and again to the same one', () => {
    const cluster = new RaftCluster(three);
    const { raft } = cluster.member(1);
    cluster.deliver(voteRequest({ from: 2 }));
    cluster.deliver(voteRequest({ from: 3 }));
    assert.equal(raft.vote, 2);
    cluster.deliver(voteRequest({ from: 3, term: 3 }));
    assert.equal(raft.vote, 3, 'a new term is a new vote');
  });

  test('is remembered over a restart', () => {
    const cluster = new RaftCluster(three);
    cluster
      .deliver(voteRequest({ from: 2 }))
      .crash(1)
      .restart(1);
    cluster.lose(() => false).deliver(voteRequest({ from: 3 }));
    assert.deepEqual([cluster.member(1).raft.term, cluster.member(1).raft.vote], [2, 2]);
  });

  test('does not leave the voter before it is on disk', () => {
    const cluster = new RaftCluster({ ...three, settings: { asyncStorageWrites: true } });
    const { node } = cluster.member(1);
    node.step(voteRequest({ from: 2 }));
    const { messages } = node.ready();
    assert.deepEqual(
      messages.map(({ type }) => type),
      ['MsgStorageAppend'],
      'all that leaves is the request to write it',
    );
    const [append] = messages;
    assert.ok(append?.type === 'MsgStorageAppend');
    assert.deepEqual([append.term, append.vote], [2, 2]);
    assert.equal(append.responses[0]?.type, 'MsgVoteResp');
  });

  // The paper's rule: the later last term, and among equal last terms the longer log.
  const LOGS: readonly (readonly [own: readonly number[], candidate: readonly number[], granted: boolean])[] =
    [
      [[1], [1], true],
      [[1], [1, 1], true],
      [[1, 1], [1], false],
      [[1, 1], [1, 2], true],
      [[1, 2], [1, 1], false],
      [[1, 1, 1, 1], [2], true],
      [[2], [1, 1, 1, 1], false],
      [[1, 2, 2], [1, 1, 2], true],
    ];
  for (const [own, candidate, granted] of LOGS) {
    const verb = granted ? 'is given' : 'is refused';
    test(`B15: ${verb} to a log of terms ${candidate.join(' ')} by one of terms ${own.join(' ')}`, () => {
      const cluster = new RaftCluster({ ...three, logs: { 1: own } });
      const logTerm = candidate.at(-1) ?? 0;
      cluster.deliver(voteRequest({ term: 5, index: candidate.length, logTerm }));
      assert.equal(cluster.member(1).raft.vote, granted ? 2 : 0);
    });
  }

  test('B15: weighs the term before the length, in every combination', () => {
    for (const term of [1, 2, 3]) {
      for (const index of [1, 2, 3]) {
        const expected = term > 2 || (term === 2 && index >= 2);
        assert.equal(isUpToDate({ term, index }, { term: 2, index: 2 }), expected, `${term}/${index}`);
      }
    }
  });
});

describe('a later term', () => {
  test('makes a leader step down, and a candidate give up', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.deliver({ type: 'MsgHeartbeat', to: 1, from: 2, term: 7, commit: 0, context: Buffer.alloc(0) });
    assert.deepEqual([cluster.state(1), cluster.term(1)], ['StateFollower', 7]);
  });

  test('is learnt from any message, and an earlier one is not listened to', () => {
    const cluster = new RaftCluster(three).elect(1).elect(2);
    const late = { type: 'MsgApp', to: 3, from: 1, term: 1, index: 0, logTerm: 0, commit: 0 } as const;
    const entries = [{ index: 1, term: 1, type: 'EntryNormal', data: Buffer.from('late') }] as const;
    cluster.deliver({ ...late, entries });
    assert.equal(cluster.terms(3), '1 2');
    assert.equal(cluster.member(3).raft.lead, 2);
  });

  test('is not needed by a candidate to concede to the leader of its own', () => {
    const cluster = new RaftCluster(three);
    cluster.partition(1).campaign(1);
    assert.equal(cluster.state(1), 'StateCandidate');
    cluster.elect(3).heal().tick(1);
    assert.deepEqual([cluster.state(1), cluster.term(1), cluster.leader], ['StateFollower', 1, 3]);
  });
});
