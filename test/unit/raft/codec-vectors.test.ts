// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { decodeMessage, encodeMessage } from '../../../src/raft/codec/codec.ts';
import { CAMPAIGN_TRANSFER, PEER_MESSAGE_TYPES, type PeerMessage } from '../../../src/raft/message.ts';
import type { Entry } from '../../../src/raft/types.ts';
import { projectRoot } from '../../support/project.ts';

const NOTHING = Buffer.alloc(0);
const toTwo = { to: 2, from: 0x1234567890ab };

function entry(index: number, term: number, data: Buffer): Entry {
  return { index, term, type: 'EntryNormal', data };
}

describe('the encoding of messages does not change unnoticed:', () => {
  const joint = {
    voters: [1, 2, Number.MAX_SAFE_INTEGER - 2],
    learners: [4],
    votersOutgoing: [1, 5],
    learnersNext: [5],
    autoLeave: true,
  };
  const soleVoter = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const high = Number.MAX_SAFE_INTEGER - 3;
  const messages: Readonly<Record<string, PeerMessage>> = {
    MsgProp: {
      type: 'MsgProp',
      ...toTwo,
      term: 0,
      entries: [
        entry(0, 0, Buffer.from('cafe', 'hex')),
        { index: 0, term: 0, type: 'EntryConfChangeV2', data: NOTHING },
      ],
    },
    MsgApp: {
      type: 'MsgApp',
      ...toTwo,
      term: 6,
      index: high,
      logTerm: 5,
      commit: 0x1fffff_0000_0000,
      entries: [
        entry(high + 1, 5, Buffer.from('00ff', 'hex')),
        { index: high + 2, term: 6, type: 'EntryConfChange', data: Buffer.of(1) },
      ],
    },
    'MsgApp, empty': { type: 'MsgApp', ...toTwo, term: 1, index: 0, logTerm: 0, commit: 0, entries: [] },
    MsgAppResp: {
      type: 'MsgAppResp',
      ...toTwo,
      term: 6,
      index: 9,
      logTerm: 0,
      reject: false,
      rejectHint: 0,
      recoveringTerm: 0,
    },
    'MsgAppResp, reject': {
      type: 'MsgAppResp',
      ...toTwo,
      term: 6,
      index: 10,
      logTerm: 5,
      reject: true,
      rejectHint: 2 ** 32,
      recoveringTerm: 4,
    },
    MsgVote: { type: 'MsgVote', ...toTwo, term: 7, index: 11, logTerm: 6, context: NOTHING },
    'MsgVote, transfer': {
      type: 'MsgVote',
      ...toTwo,
      term: 7,
      index: 11,
      logTerm: 6,
      context: CAMPAIGN_TRANSFER,
    },
    MsgVoteResp: {
      type: 'MsgVoteResp',
      ...toTwo,
      term: 7,
      reject: false,
      knownCommit: 0,
      knownCommitTerm: 0,
    },
    MsgSnap: {
      type: 'MsgSnap',
      ...toTwo,
      term: 8,
      snapshot: {
        data: Buffer.from('0badc0de', 'hex'),
        metadata: { confState: joint, index: 1_000, term: 3 },
      },
    },
    'MsgSnap, sole voter': {
      type: 'MsgSnap',
      ...toTwo,
      term: 8,
      snapshot: { data: NOTHING, metadata: { confState: soleVoter, index: 1, term: 1 } },
    },
    MsgHeartbeat: {
      type: 'MsgHeartbeat',
      ...toTwo,
      term: 8,
      commit: 12,
      context: Buffer.from('0000000000000007', 'hex'),
    },
    MsgHeartbeatResp: { type: 'MsgHeartbeatResp', ...toTwo, term: 8, context: NOTHING },
    MsgTransferLeader: { type: 'MsgTransferLeader', ...toTwo, term: 8 },
    MsgTimeoutNow: { type: 'MsgTimeoutNow', ...toTwo, term: 8 },
    MsgReadIndex: { type: 'MsgReadIndex', ...toTwo, term: 0, context: Buffer.from('read') },
    MsgReadIndexResp: {
      type: 'MsgReadIndexResp',
      ...toTwo,
      term: 8,
      index: 13,
      context: Buffer.from('read'),
    },
    MsgPreVote: { type: 'MsgPreVote', ...toTwo, term: 9, index: 11, logTerm: 6, context: NOTHING },
    MsgPreVoteResp: {
      type: 'MsgPreVoteResp',
      ...toTwo,
      term: 9,
      reject: true,
      knownCommit: 6,
      knownCommitTerm: 5,
    },
  };
  const file = path.join(projectRoot(), 'test', 'unit', 'raft', 'codec-vectors.txt');
  const vectors = new Map(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line): readonly [string, string] => {
        const [name = '', hex = ''] = line.split(':');
        return [name, hex.replaceAll(' ', '')];
      }),
  );

  for (const [name, message] of Object.entries(messages)) {
    test(name, () => {
      const hex = vectors.get(name) ?? '';
      assert.equal(encodeMessage(message).toString('hex'), hex);
      assert.deepEqual(decodeMessage(Buffer.from(hex, 'hex')), message);
    });
  }

  test('there is a vector for every kind, and none that nobody looks at', () => {
    assert.deepEqual([...vectors.keys()], Object.keys(messages));
    const kinds = new Set(Object.values(messages).map(({ type }) => type));
    assert.deepEqual([...kinds].sort(), [...PEER_MESSAGE_TYPES].sort());
  });
});
