// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Entry, SoleVoter, type SoleVoterOptions } from '../../../src/raft/index.ts';

const entry = (index: number, term: number, text = ''): Entry => ({ index, term, data: Buffer.from(text) });

/** A node that was closed in `term` with its log at `lastIndex`, all of it applied. */
function closedNode(overrides: Partial<SoleVoterOptions> = {}): SoleVoter {
  return new SoleVoter({
    nodeId: 'me',
    hardState: { term: 3, vote: 'me', commit: 5 },
    lastIndex: 5,
    lastTerm: 3,
    uncommitted: [],
    appliedIndex: 5,
    ...overrides,
  });
}

const indexesOf = (entries: readonly Entry[]): readonly number[] => entries.map(({ index }) => index);

describe('the only voter', () => {
  test('asks for nothing before it stands for election, and is not leader', () => {
    const node = closedNode();
    assert.equal(node.hasReady(), false);
    assert.equal(node.status().role, 'follower');
    assert.equal(node.readIndex(), undefined);
    assert.throws(() => node.propose(Buffer.from('early')), { code: 'internal.invariant' });
  });

  test('begins a later term at each start, with its own vote and an entry of that term', () => {
    const node = closedNode();
    node.campaign();
    assert.deepEqual(node.ready(), {
      hardState: { term: 4, vote: 'me', commit: 5 },
      entries: [entry(6, 4)],
      committedEntries: [],
    });
    assert.equal(node.status().role, 'leader');
  });

  test('hands each thing out once', () => {
    const node = closedNode();
    node.campaign();
    node.ready();
    assert.equal(node.hasReady(), false);
    assert.deepEqual(node.ready(), { hardState: undefined, entries: [], committedEntries: [] });
    node.propose(Buffer.from('a'));
    node.appended(6, 4);
    assert.equal(node.hasReady(), true);
    const { entries, committedEntries } = node.ready();
    assert.deepEqual([indexesOf(entries), indexesOf(committedEntries)], [[7], [6]]);
    assert.equal(node.hasReady(), false);
  });

  test('answers no read before an entry of its own term is committed', () => {
    const node = closedNode();
    node.campaign();
    node.ready();
    assert.equal(node.readIndex(), undefined);
    node.appended(6, 4);
    assert.equal(node.readIndex(), 6);
    node.propose(Buffer.from('a'));
    assert.equal(node.readIndex(), 6, 'what is not committed is not read');
    node.appended(7, 4);
    assert.equal(node.readIndex(), 7);
  });

  test('commits what an earlier term left only by an entry of its own', () => {
    const left = [entry(4, 2, 'a'), entry(5, 3, 'b')];
    const node = closedNode({
      hardState: { term: 3, vote: 'me', commit: 3 },
      appliedIndex: 3,
      uncommitted: left,
    });
    assert.equal(node.hasReady(), false, 'nothing of it is committed before the election');
    node.campaign();
    assert.deepEqual(node.ready().committedEntries, []);
    assert.equal(node.status().commitIndex, 3);
    node.appended(6, 4);
    assert.deepEqual(node.ready().committedEntries, [...left, entry(6, 4)]);
    assert.equal(node.status().commitIndex, 6);
  });

  test('commits nothing by entries of another term', () => {
    const node = closedNode();
    node.campaign();
    node.ready();
    node.appended(6, 3);
    assert.equal(node.status().commitIndex, 5);
    assert.deepEqual(node.ready().committedEntries, []);
  });

  test('commits as far as is durable, and no further', () => {
    const node = closedNode();
    node.campaign();
    for (const text of ['a', 'b', 'c']) {
      node.propose(Buffer.from(text));
    }
    node.ready();
    node.appended(7, 4);
    assert.deepEqual(indexesOf(node.ready().committedEntries), [6, 7]);
    node.appended(9, 4);
    assert.deepEqual(indexesOf(node.ready().committedEntries), [8, 9]);
    node.applied(7);
    assert.deepEqual(node.status(), {
      role: 'leader',
      term: 4,
      commitIndex: 9,
      appliedIndex: 7,
      lastIndex: 9,
    });
  });

  const WRONG: readonly (readonly [string, (node: SoleVoter) => void])[] = [
    ['what was never appended is durable', (node) => node.appended(7, 4)],
    ['the same entry becomes durable again', (node) => [1, 2].forEach(() => node.appended(6, 4))],
    ['what is not committed is applied', (node) => node.applied(6)],
    ['the same entry is applied again', (node) => node.applied(5)],
  ];
  for (const [what, act] of WRONG) {
    test(`notices when its driver says that ${what}`, () => {
      const node = closedNode();
      node.campaign();
      node.ready();
      assert.throws(() => act(node), { code: 'internal.invariant' });
    });
  }

  const IMPOSSIBLE: readonly (readonly [string, Partial<SoleVoterOptions>])[] = [
    ['applied more than is committed', { appliedIndex: 6 }],
    ['an entry of a later term than its own', { lastTerm: 4 }],
    [
      'lost some of what is not committed',
      { hardState: { term: 3, vote: 'me', commit: 4 }, appliedIndex: 4 },
    ],
  ];
  for (const [what, options] of IMPOSSIBLE) {
    test(`does not begin from a state that has ${what}`, () => {
      assert.throws(() => closedNode(options), { code: 'internal.invariant' });
    });
  }
});
