// SPDX-License-Identifier: Apache-2.0
// How the log is replicated and committed: the Raft paper, sections 5.3 to 5.5.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Entry, MsgApp } from '../../../src/raft/index.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';
import { logOf } from '../../support/raft-safety.ts';

const three = { voters: [1, 2, 3] };
const five = { voters: [1, 2, 3, 4, 5] };

function entriesOf(first: number, ...terms: readonly number[]): readonly Entry[] {
  return terms.map((term, offset) => ({
    index: first + offset,
    term,
    type: 'EntryNormal',
    data: Buffer.from(`${term}/${first + offset} `),
  }));
}

function append(fields: Partial<MsgApp>): MsgApp {
  return { type: 'MsgApp', to: 1, from: 2, term: 3, index: 0, logTerm: 0, commit: 0, entries: [], ...fields };
}

describe('a proposal', () => {
  test('is applied by everybody once a majority has it', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.propose(1, 'a');
    cluster.propose(1, 'b');
    assert.deepEqual(
      [1, 2, 3].map((id) => cluster.applied(id)),
      ['ab', 'ab', 'ab'],
    );
  });

  test('is committed without those who are down, and they get it when they come back', () => {
    const cluster = new RaftCluster(five).elect(1).crash(4).crash(5);
    cluster.propose(1, 'a');
    assert.equal(cluster.applied(1), 'a');
    cluster.restart(4).restart(5).tick(2);
    assert.deepEqual([cluster.applied(4), cluster.applied(5)], ['a', 'a']);
  });

  test('is not committed by a minority, and gets lost with its leader', () => {
    const cluster = new RaftCluster(five).elect(1).partition(1, 2);
    cluster.propose(1, 'lost');
    assert.equal(cluster.applied(1), '');
    cluster.elect(3);
    cluster.propose(3, 'kept');
    cluster.heal().tick(2);
    assert.deepEqual(
      [1, 2, 3].map((id) => cluster.applied(id)),
      ['kept', 'kept', 'kept'],
    );
    assert.equal(cluster.terms(1), '1 2 2', 'the former leader has taken over the log of the new one');
  });

  test('goes to the leader from any follower, and is refused where none is known', () => {
    const cluster = new RaftCluster(three);
    assert.equal(cluster.propose(2, 'early'), 'proposal-dropped');
    cluster.elect(1);
    assert.equal(cluster.propose(2, 'a'), undefined);
    assert.equal(cluster.applied(3), 'a');
  });

  test('is acknowledged by a follower only when it is on its disk, and by the leader too', () => {
    const cluster = new RaftCluster({ ...three, settings: { asyncStorageWrites: true } }).elect(1);
    const leader = cluster.member(1);
    leader.node.propose(Buffer.from('a'));
    const ready = leader.node.ready();
    const write = ready.messages.find(({ type }) => type === 'MsgStorageAppend');
    assert.ok(write?.type === 'MsgStorageAppend');
    assert.deepEqual(
      write.responses.map(({ type, to }) => [type, to]),
      [
        ['MsgAppResp', 1],
        ['MsgStorageAppendResp', 1],
      ],
    );
    const appends = ready.messages.filter(({ type }) => type === 'MsgApp');
    assert.equal(appends.length, 2, 'followers write while the leader does');
    assert.equal(leader.raft.log.committed, 1);
  });
});

describe('an earlier term', () => {
  test('B1: is not committed by counting, as figure 8 shows, but with the first entry of the own term', () => {
    // Figure 8 (c): S1 leads term 4 and brings entry 2 of term 2 to a majority, while S5 holds one of term 3.
    const logs = { 1: [1, 2], 2: [1, 2], 3: [1], 4: [1], 5: [1, 3] };
    const cluster = new RaftCluster({ ...five, logs, term: 3 });
    cluster.crash(5).lose(({ type, to }) => type === 'MsgApp' && to === 4);
    // The own term's first entry is held back, so that term 2 alone arrives.
    cluster.hold((message) => message.type === 'MsgApp' && message.entries.some(({ term }) => term === 4));
    cluster.elect(1);
    for (const to of [2, 3]) {
      cluster.deliver(append({ to, from: 1, term: 4, index: 1, logTerm: 1, entries: entriesOf(2, 2) }));
    }
    assert.deepEqual(
      [2, 3].map((id) => cluster.terms(id)),
      ['1 2', '1 2'],
    );
    assert.equal(cluster.member(1).raft.tracker.committed(), 2, 'a majority has entry 2');
    assert.equal(cluster.committed(1), 0, 'and yet it is not committed');

    // Figure 8 (d): S1 crashes, and S5 overwrites entry 2 everywhere. Nothing that was committed is lost.
    cluster.crash(1).heal();
    cluster.held = [];
    cluster.restart(5).campaign(5).elect(5);
    const overwritten = `1 3 ${cluster.term(5)}`;
    assert.deepEqual(
      [2, 3, 4].map((id) => cluster.terms(id)),
      [overwritten, overwritten, overwritten],
    );
  });

  test('B1: is committed together with an entry of the own term, as in figure 8 (e)', () => {
    const logs = { 1: [1, 2], 2: [1, 2], 3: [1], 4: [1], 5: [1, 3] };
    const cluster = new RaftCluster({ ...five, logs, term: 3 }).crash(5).elect(1);
    assert.equal(cluster.committed(1), 3);
    cluster.crash(1).restart(5).campaign(5);
    assert.notEqual(cluster.state(5), 'StateLeader', 'S5 cannot win any more');
  });
});

describe('a follower', () => {
  test('whose log differs in the ways of figure 7 is brought to the log of its leader', () => {
    const logs = {
      1: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
      2: [1, 1, 1, 4, 4, 5, 5, 6, 6],
      3: [1, 1, 1, 4],
      4: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      5: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      6: [1, 1, 1, 4, 4, 4, 4],
      7: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    };
    const cluster = new RaftCluster({ voters: [1, 2, 3, 4, 5, 6, 7], logs, term: 7 }).elect(1);
    for (const id of [2, 3, 4, 5, 6, 7]) {
      assert.equal(cluster.terms(id), cluster.terms(1), `node ${id}`);
    }
  });

  const STALE: readonly (readonly [string, Partial<MsgApp>])[] = [
    ['an empty append before its end', { index: 1, logTerm: 1 }],
    ['a shorter append that it had before', { index: 0, logTerm: 0, entries: entriesOf(1, 1, 1) }],
    ['an append from its middle', { index: 1, logTerm: 1, entries: entriesOf(2, 1) }],
    ['an append that ends where it ends', { index: 1, logTerm: 1, entries: entriesOf(2, 1, 2) }],
  ];
  for (const [what, fields] of STALE) {
    test(`B14: does not shorten its log for ${what}`, () => {
      const cluster = new RaftCluster({ ...three, logs: { 1: [1, 1, 2, 3] } });
      cluster.deliver(append(fields));
      assert.equal(cluster.terms(1), '1 1 2 3');
    });
  }

  test('B14: deletes from the first entry that conflicts, and no earlier one', () => {
    const cluster = new RaftCluster({ ...three, logs: { 1: [1, 1, 2, 2] } });
    const before = logOf(cluster.member(1));
    cluster.deliver(append({ index: 1, logTerm: 1, entries: entriesOf(2, 1, 3) }));
    assert.equal(cluster.terms(1), '1 1 3');
    assert.equal(logOf(cluster.member(1))[1], before[1], 'what agreed was not even written again');
  });

  test('commits only as far as its leader has vouched for its log', () => {
    // Entry 3 may be somebody else's: the leader says that 5 entries are committed, and sends the second.
    const cluster = new RaftCluster({ ...three, logs: { 1: [1, 1, 2] } });
    cluster.deliver(append({ index: 1, logTerm: 1, entries: entriesOf(2, 1), commit: 5 }));
    assert.equal(cluster.committed(1), 2);
  });

  test('refuses an append that would leave a gap, and names the place to go on from', () => {
    const cluster = new RaftCluster({ ...three, logs: { 1: [1, 1] } });
    const { raft } = cluster.member(1);
    cluster.member(1).node.step(append({ index: 7, logTerm: 3, entries: entriesOf(8, 3) }));
    const [response] = raft.messagesAfterAppend;
    assert.ok(response?.type === 'MsgAppResp');
    assert.deepEqual([response.reject, response.rejectHint, response.logTerm], [true, 2, 1]);
  });

  test('takes no notice of an append whose entries do not follow on each other', () => {
    const cluster = new RaftCluster({ ...three, logs: { 1: [1, 1] } });
    cluster.deliver(append({ index: 2, logTerm: 1, entries: [...entriesOf(3, 3), ...entriesOf(5, 3)] }));
    cluster.deliver(append({ index: 2, logTerm: 1, entries: entriesOf(3, 3, 2) }));
    assert.equal(cluster.terms(1), '1 1');
  });

  test('that is far behind is found with one message for each term, not for each entry', () => {
    const shared = Array.from({ length: 20 }, () => 1);
    const logs = {
      1: [...shared, ...Array.from({ length: 200 }, () => 3)],
      2: [...shared, ...Array.from({ length: 300 }, () => 2)],
    };
    const cluster = new RaftCluster({ ...three, logs });
    let refusals = 0;
    cluster.lose((message) => {
      refusals += message.type === 'MsgAppResp' && message.from === 2 && message.reject ? 1 : 0;
      return false;
    });
    cluster.elect(1);
    assert.equal(cluster.terms(2), cluster.terms(1));
    assert.ok(refusals <= 2, `${refusals} messages were refused`);
  });
});

describe('a leader', () => {
  test('B25: that becomes a follower takes back nothing that others may count', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.hold(({ type, from }) => type === 'MsgAppResp' && from !== 1);
    cluster.propose(1, 'a');
    assert.equal(cluster.committed(1), 1, 'it does not know that a majority has the entry');
    cluster.deliver({ type: 'MsgHeartbeat', to: 1, from: 3, term: 2, commit: 0, context: Buffer.alloc(0) });
    assert.equal(cluster.state(1), 'StateFollower');
    assert.equal(cluster.terms(1), '1 1', 'its log is as it was');
    cluster.deliver(append({ from: 3, term: 2, index: 1, logTerm: 1 }));
    assert.equal(cluster.terms(1), '1 1', 'and an append that ends before it does not shorten it');
  });

  test('B25: never overwrites nor deletes in its own log', () => {
    const cluster = new RaftCluster({
      ...five,
      logs: { 1: [1, 2, 2], 2: [1, 1, 1, 1], 3: [1], 4: [1], 5: [1] },
    });
    const before = logOf(cluster.member(1));
    cluster.elect(1);
    assert.deepEqual(logOf(cluster.member(1)).slice(0, 3), before);
  });

  test('does not believe that a peer has more than there is', () => {
    const cluster = new RaftCluster(three).elect(1);
    const answer = { type: 'MsgAppResp', to: 1, from: 2, term: 1, logTerm: 0, reject: false } as const;
    cluster.deliver({ ...answer, index: 99, rejectHint: 0, recoveringTerm: 0 });
    assert.equal(cluster.member(1).raft.tracker.progress.get(2)?.match, 1);
    cluster.propose(1, 'a');
    assert.equal(cluster.applied(2), 'a');
  });

  test('sends again what was lost, until it arrives', () => {
    const cluster = new RaftCluster(three).elect(1);
    let turn = 0;
    cluster.lose(({ type }) => {
      turn += 1;
      return type === 'MsgApp' && turn % 3 !== 0;
    });
    for (const text of ['a', 'b', 'c']) {
      cluster.propose(1, text);
    }
    cluster.tick(30);
    assert.deepEqual(
      [1, 2, 3].map((id) => cluster.applied(id)),
      ['abc', 'abc', 'abc'],
    );
  });

  test('is not confused by answers that come late, twice or in another order', () => {
    const cluster = new RaftCluster(three).elect(1);
    cluster.hold(({ type }) => type === 'MsgAppResp');
    for (const text of ['a', 'b', 'c', 'd']) {
      cluster.propose(1, text);
    }
    cluster.release((messages) => [...messages, ...messages].reverse());
    assert.equal(cluster.applied(1), 'abcd');
    assert.equal(cluster.member(1).raft.tracker.progress.get(2)?.match, 5);
  });
});
