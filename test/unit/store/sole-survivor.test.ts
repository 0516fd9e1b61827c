// SPDX-License-Identifier: Apache-2.0
// A store that is told to go on alone, from whatever configuration its log had come to (A22).
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { asV2, type ConfState, decodeConfChange, NONE } from '../../../src/raft/index.ts';
import { checkLogEnd, soleSurvivor } from '../../../src/store/replica/sole-survivor.ts';

const NOBODY: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** What a node with the id 1 writes: each change as `+id` or `-id`, `leave` for that of a joint configuration. */
function changesFrom(confState: Partial<ConfState>): string {
  const survival = soleSurvivor({
    id: 1,
    log: { last: { index: 40, term: 7, digest: Buffer.alloc(32) }, entries: () => [] },
    hardState: { term: 9, vote: 2, commit: 38 },
    appliedIndex: 40,
    confState: { ...NOBODY, ...confState },
    removedNodes: new Set(),
    node: { applyConfChange: () => assert.fail('nothing is left to be applied') },
  });
  if (survival === undefined) {
    return 'nothing';
  }
  const { entries, hardState } = survival;
  assert.deepEqual(
    entries.map(({ index, term }) => [index, term]),
    entries.map((_, place) => [41 + place, 10]),
    'they follow on the log, in a term that nobody was in',
  );
  assert.deepEqual(
    hardState,
    { term: 10, vote: NONE, commit: 40 + entries.length },
    'all of it is committed',
  );
  return entries
    .map(({ data, type }) => {
      assert.ok(type !== 'EntryNormal');
      const [change] = asV2(decodeConfChange(type, data)).changes;
      return change === undefined
        ? 'leave'
        : `${change.type === 'ConfChangeAddNode' ? '+' : '-'}${change.nodeId}`;
    })
    .join(' ');
}

describe('a node that is to go on alone', () => {
  test('takes the others out, one after the other', () => {
    assert.equal(changesFrom({ voters: [1, 2, 3] }), '-2 -3');
    assert.equal(changesFrom({ voters: [1, 2], learners: [4] }), '-2 -4');
  });

  test('leaves a joint configuration first', () => {
    assert.equal(changesFrom({ voters: [1, 2], votersOutgoing: [1, 3] }), 'leave -2');
  });

  test('becomes a voter before it is the only one', () => {
    assert.equal(changesFrom({ voters: [2, 3], learners: [1] }), '+1 -2 -3');
  });

  test('writes nothing if it is alone already', () => assert.equal(changesFrom({ voters: [1] }), 'nothing'));

  test('does so only from the very log that was meant', () => {
    const end = { term: 7, index: 40 };
    checkLogEnd(end, end);
    for (const other of [
      { term: 7, index: 39 },
      { term: 6, index: 40 },
    ]) {
      assert.throws(
        () => checkLogEnd(other, end),
        (error) =>
          error instanceof CofferError &&
          error.code === 'cluster.survivor' &&
          error.detail.endsWith('entry 7.40') &&
          error.hint !== undefined,
      );
    }
  });
});
