// SPDX-License-Identifier: Apache-2.0
// The core's things in words: the form in which etcd's raft library prints them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  describeConfState,
  describeEntry,
  describeHardState,
  describeMessage,
  describeReady,
  describeSnapshot,
  describeSoftState,
  encodeConfChange,
  type Entry,
  LOCAL_APPEND_THREAD,
  type Message,
  quoted,
  type Snapshot,
} from '../../../src/raft/index.ts';
import { changeOf } from '../../support/raft-cluster.ts';
import { RaftMember } from '../../support/raft-member.ts';

const entry: Entry = { index: 4, term: 1, type: 'EntryNormal', data: Buffer.from('a "b"') };
const change: Entry = {
  index: 4,
  term: 1,
  type: 'EntryConfChangeV2',
  data: encodeConfChange(changeOf('v2 l3 r4')),
};
const confState = { voters: [1, 2], learners: [4], votersOutgoing: [3], learnersNext: [], autoLeave: true };
const snapshot: Snapshot = { data: Buffer.alloc(0), metadata: { index: 5, term: 2, confState } };
const appResp = { type: 'MsgAppResp', to: 1, from: 2, term: 3, index: 9, logTerm: 2 } as const;

const MESSAGES: readonly (readonly [Message, string])[] = [
  [
    { type: 'MsgApp', to: 2, from: 1, term: 1, index: 3, logTerm: 1, commit: 4, entries: [change] },
    '1->2 MsgApp Term:1 Log:1/3 Commit:4 Entries:[1/4 EntryConfChangeV2 v2 l3 r4]',
  ],
  [
    { type: 'MsgApp', to: 255, from: 10, term: 1, index: 3, logTerm: 1, commit: 0, entries: [entry, entry] },
    'a->ff MsgApp Term:1 Log:1/3 Entries:[\n  1/4 EntryNormal "a \\"b\\""\n  1/4 EntryNormal "a \\"b\\""\n]',
  ],
  [
    { ...appResp, reject: true, rejectHint: 6, recoveringTerm: 0 },
    '2->1 MsgAppResp Term:3 Log:2/9 Rejected (Hint: 6)',
  ],
  [
    { ...appResp, reject: false, rejectHint: 0, recoveringTerm: 2 },
    '2->1 MsgAppResp Term:3 Log:2/9 Recovering:2',
  ],
  [
    { type: 'MsgHeartbeat', to: 2, from: 1, term: 1, commit: 7, context: Buffer.alloc(8) },
    '1->2 MsgHeartbeat Term:1 Log:0/0 Commit:7',
  ],
  [
    { type: 'MsgReadIndex', to: 2, from: 1, term: 0, context: Buffer.from('ctx') },
    '1->2 MsgReadIndex Term:0 Log:0/0 Entries:[0/0 EntryNormal "ctx"]',
  ],
  [
    { type: 'MsgSnap', to: 2, from: 1, term: 1, snapshot },
    '1->2 MsgSnap Term:1 Log:0/0\n  Snapshot: Index:5 Term:2 ConfState:' +
      'Voters:[1 2] VotersOutgoing:[3] Learners:[4] LearnersNext:[] AutoLeave:true',
  ],
  [
    {
      type: 'MsgStorageAppend',
      to: LOCAL_APPEND_THREAD,
      from: 1,
      term: 3,
      vote: 2,
      commit: 4,
      entries: [entry],
      snapshot: undefined,
      responses: [{ ...appResp, reject: false, rejectHint: 0, recoveringTerm: 0 }],
    },
    '1->AppendThread MsgStorageAppend Term:3 Log:0/0 Commit:4 Vote:2 Entries:[1/4 EntryNormal "a \\"b\\""] ' +
      'Responses:[\n  2->1 MsgAppResp Term:3 Log:2/9\n]',
  ],
  [{ type: 'MsgHup', to: 0, from: 0, term: 0 }, 'None->None MsgHup Term:0 Log:0/0'],
];

describe('in words', () => {
  for (const [message, words] of MESSAGES) {
    test(words.split('\n')[0] ?? '', () => assert.equal(describeMessage(message, quoted), words));
  }

  test('states', () => {
    assert.equal(describeHardState({ term: 2, vote: 1, commit: 5 }), 'Term:2 Vote:1 Commit:5');
    assert.equal(describeHardState({ term: 2, vote: 0, commit: 0 }), 'Term:2 Commit:0');
    assert.equal(describeSoftState({ lead: 1, raftState: 'StateFollower' }), 'Lead:1 State:StateFollower');
    assert.equal(
      describeConfState({ voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false }),
      'Voters:[] VotersOutgoing:[] Learners:[] LearnersNext:[] AutoLeave:false',
    );
    assert.ok(describeSnapshot(snapshot).startsWith('Index:5 Term:2 ConfState:Voters:[1 2]'));
  });

  test('entries, of which the caller says how much of the data is shown', () => {
    assert.equal(
      describeEntry(entry, (data) => `${data.length} bytes`),
      '1/4 EntryNormal 5 bytes',
    );
    assert.equal(
      describeEntry(entry, () => ''),
      '1/4 EntryNormal',
    );
    const empty = encodeConfChange(changeOf(''));
    assert.equal(describeEntry({ ...change, data: empty }, quoted), '1/4 EntryConfChangeV2');
  });

  test('a Ready, and one with nothing in it', () => {
    const { node } = new RaftMember(1, {});
    assert.equal(describeReady(node.ready(), quoted), '<empty Ready>');
    node.applyConfChange(changeOf('v1'));
    node.advance();
    node.campaign();
    assert.equal(
      describeReady(node.ready(), quoted),
      'Ready MustSync=true:\nLead:0 State:StateCandidate\nHardState Term:1 Vote:1 Commit:0\n',
    );
  });
});
