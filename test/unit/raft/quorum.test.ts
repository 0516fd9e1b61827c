// SPDX-License-Identifier: Apache-2.0
// Quorums: tables to check by eye, and properties against the plainest possible definitions.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import {
  describeIds,
  describeJoint,
  type JointConfig,
  jointCommitted,
  jointIds,
  jointVote,
  majorityCommitted,
  majorityVote,
  type VoteResult,
} from '../../../src/raft/quorum/index.ts';
import type { NodeId } from '../../../src/raft/types.ts';
import { assertProperty } from '../../support/property.ts';

/** Reads `(1 2 3)` or `(1 2 3)&&(4 5)`. */
function config(text: string): JointConfig {
  const [incoming = '', outgoing = ''] = text.split('&&').map((half) => half.slice(1, -1));
  return { incoming: idsOf(incoming), outgoing: idsOf(outgoing) };
}

function idsOf(text: string): ReadonlySet<NodeId> {
  return new Set(text.split(' ').filter(Boolean).map(Number));
}

/** Reads `1=100 2=99`; whoever is not named has not been heard from. */
function acksOf(text: string): ReadonlyMap<NodeId, number> {
  const pairs = text.split(' ').filter(Boolean);
  return new Map(pairs.map((pair) => [Number(pair.split('=')[0]), Number(pair.split('=')[1])]));
}

/** Reads `+1 -2`: 1 granted, 2 refused; whoever is not named has not voted. */
function votesOf(text: string): ReadonlyMap<NodeId, boolean> {
  const words = text.split(' ').filter(Boolean);
  return new Map(words.map((word) => [Number(word.slice(1)), word.startsWith('+')]));
}

/** Voters, what they acknowledged, what is committed, and why. */
const COMMITTED: readonly (readonly [string, string, number, string])[] = [
  ['()', '', Infinity, 'nobody holds anything back'],
  ['(1)', '', 0, 'a sole voter that was not heard from has acknowledged nothing'],
  ['(1)', '1=12', 12, 'a sole voter decides alone'],
  ['(1 2)', '1=12', 0, 'of two, both are needed'],
  ['(1 2)', '1=12 2=5', 5, 'of two, the slower one decides'],
  ['(1 2 3)', '1=12', 0, 'one of three is no majority'],
  ['(1 2 3)', '1=12 3=10', 10, 'two of three are one, the third may be silent'],
  ['(1 2 3)', '1=12 2=11 3=10', 11, 'the middle of three'],
  ['(1 2 3)', '1=9 2=10 3=100', 10, 'indexes are numbers, not texts'],
  ['(1 2 3)', '1=7 2=7 3=2', 7, 'two that are level'],
  ['(1 2 3)', '1=12 4=11 5=11', 0, 'learners do not count, however far they are'],
  ['(1 2 3 4)', '1=12 2=12', 0, 'two of four are not enough'],
  ['(1 2 3 4)', '1=12 2=12 3=3', 3, 'three of four are'],
  ['(1 2 3 4)', '1=12 2=11 3=10 4=9', 10, 'the third of four'],
  ['(1 2 3 4 5)', '2=8 4=6', 0, 'two of five are not enough'],
  ['(1 2 3 4 5)', '2=8 4=6 5=7', 6, 'three of five are'],
  ['(1 2 3 4 5)', '1=1 2=2 3=3 4=4 5=5', 3, 'the middle of five'],
  ['(1)&&(1)', '1=4', 4, 'the same voter in both halves'],
  ['(2)&&(1)', '1=4', 0, 'the successor has not begun'],
  ['(2)&&(1)', '1=4 2=3', 3, 'disjoint halves: the lesser of two'],
  ['(1 2 3)&&(1 2 3)', '1=12 2=11 3=10', 11, 'equal halves count as one'],
  ['(1 2 3)&&(1)', '1=5 2=9 3=9', 5, 'the old sole voter holds back the new majority'],
  ['(1 2 3)&&(1)', '1=9 2=5 3=4', 5, 'and the new majority the old sole voter'],
  ['(1 2 3)&&(2 3 4)', '2=7 3=6', 6, 'those in both halves can be a majority of each'],
  ['(1 2 3)&&(2 3 4)', '1=9 2=7 4=8', 7, 'or one of them together with one of each half'],
  ['(1 2 3)&&(2 3 4)', '1=9 4=8', 0, 'but not one of each half alone'],
  ['(1 2 3)&&(4 5 6)', '1=9 2=9 3=9', 0, 'all new voters without the old ones commit nothing'],
  ['(1 2 3)&&(4 5 6)', '1=9 2=8 4=7 5=6', 6, 'disjoint majorities: what both have'],
  ['(1 2 3)&&(4 5 6 7)', '1=9 2=9 4=7 5=7', 0, 'an even half needs more than half of it'],
];

/** Voters, their votes, how it stands, and why. */
const VOTES: readonly (readonly [string, string, VoteResult, string])[] = [
  ['()', '', 'VoteWon', 'nobody is against it'],
  ['(1)', '', 'VotePending', 'the sole voter has not voted'],
  ['(1)', '+1', 'VoteWon', 'the sole voter granted'],
  ['(1)', '-1', 'VoteLost', 'the sole voter refused'],
  ['(1)', '+2 +3', 'VotePending', 'votes of others are no votes'],
  ['(1 2)', '+1', 'VotePending', 'of two, both are needed'],
  ['(1 2)', '-1', 'VoteLost', 'so one can refuse it'],
  ['(1 2)', '+1 +2', 'VoteWon', 'both granted'],
  ['(1 2 3)', '+1 -2', 'VotePending', 'one each, and the third decides'],
  ['(1 2 3)', '+1 +3', 'VoteWon', 'two of three'],
  ['(1 2 3)', '-1 -3', 'VoteLost', 'two of three against it'],
  ['(1 2 3)', '+1 -2 +4 +5', 'VotePending', 'learners do not elect'],
  ['(1 2 3)', '+1 -2 -4 -5', 'VotePending', 'nor do they refuse'],
  ['(1 2 3 4)', '+1 +2', 'VotePending', 'half of four is no majority'],
  ['(1 2 3 4)', '-1 -2', 'VoteLost', 'half of four can refuse'],
  ['(1 2 3 4)', '+1 +2 -3', 'VotePending', 'the fourth decides'],
  ['(1 2 3 4 5)', '+1 +2 -3 -4', 'VotePending', 'the fifth decides'],
  ['(1 2 3 4 5)', '+1 +2 +5 -3 -4', 'VoteWon', 'three of five'],
  ['(2)&&(1)', '+1', 'VotePending', 'one half granted, the other one has not voted'],
  ['(2)&&(1)', '+1 -2', 'VoteLost', 'one half granted, the other one refused'],
  ['(2)&&(1)', '-1', 'VoteLost', 'one refusal suffices, whatever the other half says'],
  ['(2)&&(1)', '+1 +2', 'VoteWon', 'both halves granted'],
  ['(1 2 3)&&(1)', '+2 +3', 'VotePending', 'the old sole voter is needed'],
  ['(1 2 3)&&(1)', '-1 +2 +3', 'VoteLost', 'and can refuse it'],
  ['(1 2 3)&&(2 3 4)', '+2 +3', 'VoteWon', 'two that are in both halves'],
  ['(1 2 3)&&(2 3 4)', '+1 +2 -3', 'VotePending', 'the new half is won, the old one is not'],
  ['(1 2 3)&&(2 3 4)', '+1 +2 -3 -4', 'VoteLost', 'the new half is won, the old one is lost'],
  ['(1 2 3)&&(4 5 6)', '+1 +2 +3', 'VotePending', 'all of one half'],
  ['(1 2 3)&&(4 5 6)', '+1 +2 +4 +6', 'VoteWon', 'a majority of each'],
  ['(1 2 3)&&(4 5 6)', '+1 +2 +4 -5 -6', 'VoteLost', 'a majority of one only'],
];

const swapped = ({ incoming, outgoing }: JointConfig): JointConfig => ({
  incoming: outgoing,
  outgoing: incoming,
});

describe('what is committed', () => {
  for (const [voters, acks, committed, why] of COMMITTED) {
    test(`${voters} with ${acks || 'nothing'}: ${committed}, ${why}`, () => {
      const acked = (id: NodeId): number | undefined => acksOf(acks).get(id);
      assert.equal(jointCommitted(config(voters), acked), committed);
      assert.equal(jointCommitted(swapped(config(voters)), acked), committed);
      if (!voters.includes('&&')) {
        assert.equal(majorityCommitted(config(voters).incoming, acked), committed);
      }
    });
  }
});

describe('how an election stands', () => {
  for (const [voters, votes, result, why] of VOTES) {
    test(`${voters} with ${votes || 'no votes'}: ${result}, ${why}`, () => {
      assert.equal(jointVote(config(voters), votesOf(votes)), result);
      assert.equal(jointVote(swapped(config(voters)), votesOf(votes)), result);
      if (!voters.includes('&&')) {
        assert.equal(majorityVote(config(voters).incoming, votesOf(votes)), result);
      }
    });
  }
});

test('a configuration lists its voters once, in ascending order of numbers', () => {
  assert.deepEqual(jointIds(config('(10 9 2)&&(2 100 1)')), [1, 2, 9, 10, 100]);
  assert.deepEqual(jointIds(config('()')), []);
});

test('a configuration is printed as etcd prints it: in order, in hexadecimal, the outgoing half second', () => {
  assert.equal(describeIds(new Set([12, 3, 1])), '(1 3 c)');
  assert.equal(describeJoint(config('(3 1 2)')), '(1 2 3)');
  assert.equal(describeJoint(config('(3 1 2)&&(1)')), '(1 2 3)&&(1)');
  assert.equal(describeJoint(config('()')), '()');
});

// Few ids, so that the halves overlap, and learners are among those who answer.
const anyId = fc.integer({ min: 1, max: 9 });
const anyHalf = fc.uniqueArray(anyId, { maxLength: 7 }).map((ids): ReadonlySet<NodeId> => new Set(ids));
const anyConfig: fc.Arbitrary<JointConfig> = fc.record({ incoming: anyHalf, outgoing: anyHalf });
const anyAcks = fc
  .uniqueArray(fc.tuple(anyId, fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0 }))), {
    selector: ([id]) => id,
  })
  .map((pairs): ReadonlyMap<NodeId, number> => new Map(pairs));
const anyVotes = fc
  .uniqueArray(fc.tuple(anyId, fc.boolean()), { selector: ([id]) => id, maxLength: 6 })
  .map((pairs): ReadonlyMap<NodeId, boolean> => new Map(pairs));

/** More than half of each half that is not empty. */
function isQuorum(voters: JointConfig, group: ReadonlySet<NodeId>): boolean {
  return [voters.incoming, voters.outgoing].every((half) => {
    const present = [...half].filter((id) => group.has(id));
    return half.size === 0 || present.length * 2 > half.size;
  });
}

/** The definition, word by word: the greatest index such that those who have it are a quorum. */
function plainCommitted(voters: JointConfig, acks: ReadonlyMap<NodeId, number>): number {
  if (jointIds(voters).length === 0) {
    return Infinity;
  }
  const reached = [0, ...acks.values()].filter((index) =>
    isQuorum(voters, new Set(jointIds(voters).filter((id) => (acks.get(id) ?? 0) >= index))),
  );
  return Math.max(...reached);
}

/** The definition again: each way in which the missing votes can fall is tried. */
function plainVote(voters: JointConfig, votes: ReadonlyMap<NodeId, boolean>): VoteResult {
  const missing = jointIds(voters).filter((id) => !votes.has(id));
  const outcomes = new Set<boolean>();
  for (let fall = 0; fall < 2 ** missing.length; fall += 1) {
    const later = missing.filter((_, place) => Math.floor(fall / 2 ** place) % 2 === 1);
    const granted = jointIds(voters).filter((id) => votes.get(id) === true);
    outcomes.add(isQuorum(voters, new Set([...granted, ...later])));
  }
  if (outcomes.size === 2) {
    return 'VotePending';
  }
  return outcomes.has(true) ? 'VoteWon' : 'VoteLost';
}

describe('for any voters', () => {
  test('an index is committed exactly if those who have it are a quorum', (t) => {
    assertProperty(
      t,
      5_000,
      fc.property(anyConfig, anyAcks, (voters, acks) => {
        const acked = (id: NodeId): number | undefined => acks.get(id);
        assert.equal(jointCommitted(voters, acked), plainCommitted(voters, acks));
        assert.equal(
          jointCommitted(voters, acked),
          Math.min(majorityCommitted(voters.incoming, acked), majorityCommitted(voters.outgoing, acked)),
        );
      }),
    );
  });

  test('an election is won if no further vote can lose it, and lost if none can win it', (t) => {
    assertProperty(
      t,
      3_000,
      fc.property(anyConfig, anyVotes, (voters, votes) => {
        assert.equal(jointVote(voters, votes), plainVote(voters, votes));
      }),
    );
  });

  test('a joint configuration of equal halves, or of one, decides as the half does', (t) => {
    assertProperty(
      t,
      2_000,
      fc.property(anyHalf, anyAcks, anyVotes, (half, acks, votes) => {
        const acked = (id: NodeId): number | undefined => acks.get(id);
        for (const outgoing of [half, new Set<NodeId>()]) {
          const voters = { incoming: half, outgoing };
          assert.equal(jointCommitted(voters, acked), majorityCommitted(half, acked));
          assert.equal(jointVote(voters, votes), majorityVote(half, votes));
        }
      }),
    );
  });

  test('two groups without a common member never both win', (t) => {
    assertProperty(
      t,
      3_000,
      fc.property(anyConfig, fc.func(fc.boolean()), (voters, choose) => {
        const ids = jointIds(voters);
        fc.pre(ids.length > 0);
        const votes = new Map(ids.map((id) => [id, choose(id)]));
        const opposite = new Map(ids.map((id) => [id, !choose(id)]));
        assert.notDeepEqual([jointVote(voters, votes), jointVote(voters, opposite)], ['VoteWon', 'VoteWon']);
      }),
    );
  });

  test('more acknowledgements never take back what is committed', (t) => {
    assertProperty(
      t,
      3_000,
      fc.property(anyConfig, anyAcks, anyId, fc.nat(), (voters, acks, id, further) => {
        const more = new Map(acks).set(id, (acks.get(id) ?? 0) + further);
        const before = jointCommitted(voters, (voter) => acks.get(voter));
        assert.ok(jointCommitted(voters, (voter) => more.get(voter)) >= before);
      }),
    );
  });
});
