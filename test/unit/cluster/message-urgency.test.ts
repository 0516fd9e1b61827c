// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageUrgency } from '../../../src/cluster/message-urgency.ts';
import type { Entry, PeerMessage } from '../../../src/raft/index.ts';

const ENTRY: Entry = { index: 7, term: 2, type: 'EntryNormal', data: Buffer.alloc(0) };
const TO_2 = { to: 2, from: 1, term: 2 } as const;

const append = (entries: readonly Entry[]): PeerMessage => ({
  type: 'MsgApp',
  ...TO_2,
  index: 6,
  logTerm: 2,
  entries,
  commit: 6,
});

const acknowledge = (
  index: number,
  more: { readonly term?: number; readonly reject?: boolean } = {},
): PeerMessage => ({
  type: 'MsgAppResp',
  ...TO_2,
  index,
  logTerm: 0,
  reject: false,
  rejectHint: 0,
  recoveringTerm: 0,
  ...more,
});

test('entries hurry, and that more is committed does so where callers wait for it', () => {
  let now_ms = 1_000;
  const urgency = new MessageUrgency(() => now_ms);
  assert.equal(urgency.of(append([ENTRY])), 'soon');
  assert.equal(urgency.of(append([])), 'along');
  urgency.received(3, { type: 'MsgProp', to: 1, from: 3, term: 0, entries: [ENTRY] });
  assert.equal(urgency.of(append([])), 'along', 'another manager has forwarded something');
  urgency.received(2, { type: 'MsgProp', to: 1, from: 2, term: 0, entries: [ENTRY] });
  assert.equal(urgency.of(append([])), 'soon');
  now_ms += 100;
  assert.equal(urgency.of(append([])), 'along', 'its callers have their answers');
});

test('an acknowledgement hurries when it says something new', () => {
  const urgency = new MessageUrgency(() => 0);
  assert.equal(urgency.of(acknowledge(5)), 'soon');
  assert.equal(urgency.of(acknowledge(5)), 'along');
  assert.equal(urgency.of(acknowledge(4)), 'along');
  assert.equal(urgency.of(acknowledge(6)), 'soon');
  assert.equal(urgency.of(acknowledge(6, { reject: true })), 'soon', 'the leader is to send something else');
  assert.equal(urgency.of(acknowledge(6, { term: 3 })), 'soon', 'another leader');
  assert.equal(urgency.of({ ...acknowledge(6, { term: 3 }), to: 3 }), 'soon', 'to another one');
});

test('votes, signs of life and questions hurry', () => {
  const urgency = new MessageUrgency(() => 0);
  const context = Buffer.alloc(0);
  const messages: readonly PeerMessage[] = [
    { type: 'MsgHeartbeat', ...TO_2, commit: 1, context },
    { type: 'MsgVote', ...TO_2, index: 1, logTerm: 1, context },
    { type: 'MsgReadIndex', ...TO_2, context },
    { type: 'MsgProp', ...TO_2, entries: [ENTRY] },
  ];
  assert.deepEqual(
    messages.map((message) => urgency.of(message)),
    ['soon', 'soon', 'soon', 'soon'],
  );
});
