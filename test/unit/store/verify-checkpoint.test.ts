// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NONE } from '../../../src/raft/index.ts';
import { type Opened, verifyCheckpoint } from '../../../src/store/replica/verify-checkpoint.ts';

describe('the checkpoint against the database', () => {
  const digest = (byte: number): Buffer => Buffer.alloc(32, byte);
  const identity = { clusterId: 'c', nodeId: 'n', raftId: 11 };
  const [SELF, OTHER] = [11, 12];
  const position = (index: number, term = 2): { index: number; term: number; digest: Buffer } => ({
    index,
    term,
    digest: digest(index),
  });
  /** A log from entry 6 to `last`, which was rewritten so often. */
  const logTo = (last: number, { term = 2, logRewrites = 1, startIndex = 5 } = {}): Opened['log'] => ({
    start: position(startIndex),
    last: position(last, term),
    mark: { lastIndex: last, lastTerm: term, lastDigest: digest(last), logRewrites },
    positionAt: (index) => (index >= startIndex && index <= last ? position(index, term) : undefined),
  });
  const whole: Opened = {
    checkpoint: {
      ...identity,
      term: 2,
      vote: SELF,
      lastIndex: 8,
      lastTerm: 2,
      lastDigest: digest(8),
      logRewrites: 1,
      recoveringTerm: 0,
    },
    identity,
    hardState: { term: 2, vote: SELF, commit: 0 },
    log: logTo(9),
    appliedIndex: 7,
  };
  const { checkpoint } = whole;

  for (const [what, change] of [
    ['a database that is ahead by a batch', {}],
    ['a database that is level', { log: logTo(8), appliedIndex: 8 }],
    [
      'a later term that the crash kept from the checkpoint',
      { hardState: { term: 3, vote: OTHER, commit: 0 } },
    ],
    [
      'a vote that was given in a term that the checkpoint has already',
      { checkpoint: { ...checkpoint, vote: NONE }, hardState: { term: 2, vote: OTHER, commit: 0 } },
    ],
    ['a log that a later leader cut', { log: logTo(7, { term: 3, logRewrites: 2 }) }],
    [
      'a log in whose place a later leader put entries of an older term',
      { checkpoint: { ...checkpoint, lastDigest: digest(1) }, log: logTo(8, { term: 1, logRewrites: 2 }) },
    ],
    ['a log that was cut and grew again', { log: logTo(12, { logRewrites: 5 }) }],
    ['a log compacted beyond the checkpoint', { log: logTo(9, { startIndex: 9 }), appliedIndex: 9 }],
    [
      'a log compacted up to the checkpoint',
      {
        log: logTo(8, { startIndex: 8 }),
        appliedIndex: 8,
        checkpoint: { ...checkpoint, lastDigest: digest(8) },
      },
    ],
  ] as const) {
    test(`${what} is believed`, () => verifyCheckpoint({ ...whole, ...change }));
  }

  for (const [what, change] of [
    ['of another node', { identity: { ...identity, nodeId: 'other' } }],
    ['of another cluster', { identity: { ...identity, clusterId: 'other' } }],
    ['of another node for the Raft core', { identity: { ...identity, raftId: OTHER } }],
    ['with an older term', { hardState: { term: 1, vote: SELF, commit: 0 } }],
    ['with another vote in the same term', { hardState: { term: 2, vote: OTHER, commit: 0 } }],
    ['without the vote that was given', { hardState: { term: 2, vote: NONE, commit: 0 } }],
    ['whose log ends earlier', { log: logTo(7) }],
    ['whose log ends earlier, though its entries are of a later term', { log: logTo(7, { term: 3 }) }],
    ['from before its log was rewritten', { log: logTo(12, { logRewrites: 0 }) }],
    ['with another entry in that place', { checkpoint: { ...checkpoint, lastDigest: digest(1) } }],
    [
      'with another entry before its log',
      { checkpoint: { ...checkpoint, lastIndex: 5, lastDigest: digest(1) } },
    ],
    ['applied further than its log', { appliedIndex: 10 }],
    ['applied less than its log let go of', { appliedIndex: 4 }],
  ] as const) {
    test(`a database ${what} is refused`, () => {
      assert.throws(() => verifyCheckpoint({ ...whole, ...change }), { code: 'store.damaged' });
    });
  }
});
