// SPDX-License-Identifier: Apache-2.0
// What the core asks of its storage and state machine, and what it may believe of the answers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Entry, Message, MsgApp, MsgStorageAppend } from '../../../src/raft/index.ts';
import { RaftCluster } from '../../support/raft-cluster.ts';
import { EMPTY_SNAPSHOT, RaftMember, type RaftSettings } from '../../support/raft-member.ts';
import { NOBODY } from '../../support/raft-memory-storage.ts';
import { logOf } from '../../support/raft-safety.ts';

function memberOf(voters: readonly number[], settings: RaftSettings = {}): RaftMember {
  const metadata = { ...EMPTY_SNAPSHOT.metadata, confState: { ...NOBODY, voters } };
  return new RaftMember(1, settings, { ...EMPTY_SNAPSHOT, metadata });
}

function entry(index: number, term: number, text: string): Entry {
  return { index, term, type: 'EntryNormal', data: Buffer.from(text) };
}

function append(term: number, from: number, entries: readonly Entry[], commit = 0): MsgApp {
  return { type: 'MsgApp', to: 1, from, term, index: 0, logTerm: 0, commit, entries };
}

/** Takes what is to be written, without writing it. */
function takeAppend(member: RaftMember): MsgStorageAppend {
  const work = member.node.ready().messages.find(({ type }) => type === 'MsgStorageAppend');
  assert.ok(work?.type === 'MsgStorageAppend');
  return work;
}

/** Writes, and gives the core the answers that are for it. */
function complete(member: RaftMember, work: MsgStorageAppend): readonly Message[] {
  member.appendWork.push(work);
  member.processAppend();
  for (const response of work.responses) {
    if (response.to === 1) {
      member.node.step(response);
    }
  }
  return work.responses.filter(({ to }) => to !== 1);
}

describe('asynchronous writes', () => {
  test('hand everything out once, while the writes before are still going on', () => {
    const member = memberOf([1, 2], { asyncStorageWrites: true });
    member.node.step(append(1, 2, [entry(1, 1, 'a')]));
    const first = takeAppend(member);
    member.node.step({ ...append(1, 2, [entry(2, 1, 'b')]), index: 1, logTerm: 1 });
    const second = takeAppend(member);
    assert.deepEqual([first.entries.length, second.entries.length], [1, 1]);
    assert.equal(second.entries[0]?.index, 2);
    assert.equal(member.node.hasReady(), false);
  });

  test('keep entries in memory until they are durable, and read them from disk afterwards', () => {
    const member = memberOf([1, 2], { asyncStorageWrites: true });
    member.node.step(append(1, 2, [entry(1, 1, 'a')]));
    const work = takeAppend(member);
    assert.equal(member.raft.log.unstable.count, 1);
    const answers = complete(member, work);
    assert.equal(member.raft.log.unstable.count, 0);
    assert.equal(member.raft.log.term(1), 1);
    assert.deepEqual(
      answers.map(({ type, to }) => [type, to]),
      [['MsgAppResp', 2]],
    );
  });

  test('apply nothing that is not on the own disk, though it is committed', () => {
    const member = memberOf([1, 2], { asyncStorageWrites: true });
    member.node.step(append(1, 2, [entry(1, 1, 'a')], 1));
    const ready = member.node.ready();
    assert.deepEqual([member.raft.log.committed, ready.committedEntries.length], [1, 0]);
    const work = ready.messages.find(({ type }) => type === 'MsgStorageAppend');
    assert.ok(work?.type === 'MsgStorageAppend');
    complete(member, work);
    assert.equal(member.node.ready().committedEntries.length, 1);
  });

  test('ask for no durability where nobody waits for it: a commit index alone has no answers', () => {
    const member = memberOf([1, 2], { asyncStorageWrites: true });
    member.node.step(append(1, 2, [entry(1, 1, 'a')]));
    complete(member, takeAppend(member));
    member.node.step({ type: 'MsgHeartbeat', to: 1, from: 2, term: 1, commit: 1, context: Buffer.alloc(0) });
    const ready = member.node.ready();
    const work = ready.messages.find(({ type }) => type === 'MsgStorageAppend');
    assert.ok(work?.type === 'MsgStorageAppend');
    assert.deepEqual([work.commit, work.responses.length, ready.mustSync], [1, 0, false]);
  });

  test('a restart between the request and the write is as if it had not been asked for', () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3], settings: { asyncStorageWrites: true } }).elect(1);
    const member = cluster.member(2);
    member.node.step({ ...append(1, 1, [entry(2, 1, 'a')]), to: 2, index: 1, logTerm: 1 });
    member.handleReady();
    cluster.crash(2).restart(2);
    assert.equal(cluster.terms(2), '1');
  });

  test('B11: an answer to an earlier write says nothing about entries that were written over since', () => {
    const member = memberOf([1, 2, 3], { asyncStorageWrites: true });
    const old = entry(1, 1, 'A');
    // Leader 2 of term 1 sends A, leader 3 of term 2 writes B over it, and leader 2 is back in term 3 with A.
    member.node.step(append(1, 2, [old]));
    const writeA = takeAppend(member);
    member.node.step(append(2, 3, [entry(1, 2, 'B')]));
    const writeB = takeAppend(member);
    member.node.step(append(3, 2, [old]));
    const writeAgain = takeAppend(member);

    complete(member, writeA);
    assert.equal(member.raft.log.unstable.count, 1, 'B is still going to be written over it');
    complete(member, writeB);
    assert.equal(member.storage.term(1), 2, 'and now the disk has B');
    assert.deepEqual(logOf(member), [old], 'which the core does not believe');
    complete(member, writeAgain);
    assert.equal(member.raft.log.unstable.count, 0);
    assert.equal(member.storage.term(1), 1);
  });

  test('B11: an answer that was ignored is made up for by the next write, whatever it is about', () => {
    const member = memberOf([1, 2, 3], { asyncStorageWrites: true });
    member.node.step(append(1, 2, [entry(1, 1, 'a')]));
    const first = takeAppend(member);
    // A new term begins, without entries.
    member.node.step({ type: 'MsgHeartbeat', to: 1, from: 3, term: 2, commit: 0, context: Buffer.alloc(0) });
    const second = takeAppend(member);
    complete(member, first);
    assert.equal(member.raft.log.unstable.count, 1);
    complete(member, second);
    assert.equal(member.raft.log.unstable.count, 0);
  });
});

describe('committed entries', () => {
  const entries = [1, 2, 3, 4, 5].map((index) => entry(index, 1, 'x'.repeat(79)));

  test('are handed out as far as they fit, across several Readys, and more when some are applied', () => {
    const member = memberOf([1, 2], { asyncStorageWrites: true, maxCommittedSizePerReady: 200 });
    member.node.step(append(1, 2, entries, 5));
    complete(member, takeAppend(member));
    const first = member.node.ready().messages.find(({ type }) => type === 'MsgStorageApply');
    assert.ok(first?.type === 'MsgStorageApply');
    assert.deepEqual(
      first.entries.map(({ index }) => index),
      [1, 2],
    );
    assert.equal(member.node.hasReady(), false, 'nothing more until they are applied');
    for (const response of first.responses) {
      member.node.step(response);
    }
    assert.deepEqual(
      member.node.ready().committedEntries.map(({ index }) => index),
      [3, 4],
    );
  });

  test('are handed out one by one where the limit is smaller than an entry', () => {
    const member = memberOf([1, 2], { maxSizePerMsg: 0 });
    member.node.step(append(1, 2, entries, 5));
    const handed: number[] = [];
    while (member.node.hasReady()) {
      handed.push(member.handleReady().committedEntries.length);
    }
    assert.deepEqual(handed, [1, 1, 1, 1, 1]);
  });

  test('B10: are applied without a gap after a restart, though reads are cut short at other places', () => {
    const member = memberOf([1, 2], { maxCommittedSizePerReady: 250 });
    member.node.step(append(1, 2, entries, 5));
    member.handleReady();
    assert.equal(member.state.metadata.index, 2, 'it had got to here when it died');
    // After the restart the storage gives less than it was asked for; what counts is what it gave.
    const whole = member.storage.entries.bind(member.storage);
    member.storage.entries = (lo, hi) => whole(lo, hi, 1);
    member.restart();
    const handed: number[] = [];
    while (member.node.hasReady()) {
      handed.push(...member.handleReady().committedEntries.map(({ index }) => index));
    }
    assert.deepEqual(handed, [3, 4, 5]);
    assert.equal(member.raft.log.applied, 5);
  });
});

describe('without asynchronous writes', () => {
  test('what is to be written comes together with what may be applied and sent after it', () => {
    const member = memberOf([1]);
    member.node.campaign();
    member.handleReady();
    member.node.propose(Buffer.from('a'));
    const ready = member.handleReady();
    assert.deepEqual(
      [ready.entries.length, ready.mustSync, ready.committedEntries.length],
      [2, true, 0],
      'the leader has not counted itself before the write',
    );
    assert.deepEqual(
      member.handleReady().committedEntries.map(({ index }) => index),
      [1, 2],
    );
  });

  test('a Ready must be carried out before the next one is taken', () => {
    const member = memberOf([1]);
    member.node.campaign();
    member.node.ready();
    assert.throws(() => member.node.ready(), { code: 'internal.invariant' });
  });

  test('there is no advance with asynchronous writes', () => {
    const member = memberOf([1], { asyncStorageWrites: true });
    assert.throws(() => member.node.advance(), { code: 'internal.invariant' });
  });
});

describe('a restart', () => {
  test('takes what is applied for committed, though the stored commit index is behind it', () => {
    const member = memberOf([1, 2]);
    member.node.step(append(1, 2, [entry(1, 1, 'a'), entry(2, 1, 'b')], 2));
    member.handleReady();
    member.storage.setHardState({ term: 1, vote: 0, commit: 1 });
    member.restart();
    assert.deepEqual([member.raft.log.committed, member.raft.log.applied], [2, 2]);
  });
});

describe('a node that has lost what it acknowledged', () => {
  test('stops when its leader takes it for whole', () => {
    const member = memberOf([1, 2]);
    const heartbeat = { type: 'MsgHeartbeat', to: 1, from: 2, term: 1, context: Buffer.alloc(0) } as const;
    assert.throws(() => member.node.step({ ...heartbeat, commit: 5 }), { code: 'internal.invariant' });
  });

  test('does not start with a commit index beyond its log', () => {
    const member = memberOf([1, 2]);
    member.storage.setHardState({ term: 1, vote: 0, commit: 3 });
    assert.throws(() => member.restart(), { code: 'internal.invariant' });
  });
});
