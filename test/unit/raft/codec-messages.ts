// SPDX-License-Identifier: Apache-2.0
// Messages between nodes of every kind, as fast-check makes them up: valid, and with the edges of every range.
import * as fc from 'fast-check';
import {
  ENTRY_TYPES,
  type ConfState,
  type Entry,
  LOCAL_APPLY_THREAD,
  type NodeId,
} from '../../../src/raft/types.ts';
import type { PeerMessage } from '../../../src/raft/message.ts';

/** Plain objects, as the decoder makes them: fast-check would add some without a prototype. */
function record<T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const NODE_ID_MAX = LOCAL_APPLY_THREAD - 1;

/** Where halves of a u64 meet, and where its range ends. */
const edges = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 48 - 1, Number.MAX_SAFE_INTEGER] as const;
const u64 = fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat());
const term = fc.oneof(fc.constantFrom(...edges.slice(1)), fc.integer({ min: 1, max: 1_000 }));
const id = fc.oneof(
  fc.constantFrom(1, 2 ** 32, NODE_ID_MAX),
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: NODE_ID_MAX }),
);
const buffer = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
const context = fc.oneof(fc.constantFrom(Buffer.alloc(0), Buffer.from('CampaignTransfer')), buffer(40));
const entryType = fc.constantFrom(...ENTRY_TYPES);

const proposal = record({
  index: fc.constant(0),
  term: fc.constant(0),
  type: entryType,
  data: buffer(40),
});

/** Entries after a position, whose terms rise from time to time. */
const append = record({
  index: fc.oneof(fc.constantFrom(0, 1, 2 ** 32 - 2, Number.MAX_SAFE_INTEGER - 20), fc.nat({ max: 2 ** 40 })),
  logTerm: fc.nat({ max: 2 ** 45 }),
  commit: u64,
  rest: fc.array(record({ rise: fc.nat({ max: 3 }), type: entryType, data: buffer(40) }), {
    maxLength: 8,
  }),
}).map(({ index, logTerm, commit, rest }) => {
  let last = Math.max(logTerm, 1);
  const entries = rest.map(({ rise, type, data }, place): Entry => {
    last += rise;
    return { index: index + 1 + place, term: last, type, data };
  });
  return { type: 'MsgApp' as const, term: last, index, logTerm, commit, entries };
});

/** Different nodes, each given a part in a configuration: `all` splits them so that no rule is broken. */
const confState = record({
  ids: fc.uniqueArray(id, { minLength: 1, maxLength: 12 }),
  parts: fc.array(fc.nat({ max: 4 }), { minLength: 12, maxLength: 12 }),
  autoLeave: fc.boolean(),
}).map(({ ids, parts, autoLeave }): ConfState => {
  const having = (...wanted: readonly number[]): readonly NodeId[] =>
    ids.filter((_, place) => wanted.includes(place === 0 ? 0 : (parts[place] ?? 0))).sort((a, b) => a - b);
  // 0 votes now, 1 in both configurations, 2 learns, 3 voted before, 4 voted before and will learn.
  const votersOutgoing = having(1, 3, 4);
  return {
    voters: having(0, 1),
    learners: having(2),
    votersOutgoing,
    learnersNext: having(4),
    autoLeave: autoLeave && votersOutgoing.length > 0,
  };
});

const snapshot = record({
  data: buffer(80),
  metadata: record({ confState, index: term, term }),
});

const body = fc.oneof(
  record({
    type: fc.constant('MsgProp' as const),
    term: fc.constant(0),
    entries: fc.array(proposal, { minLength: 1, maxLength: 8 }),
  }),
  append,
  record({
    type: fc.constant('MsgAppResp' as const),
    term,
    index: u64,
    logTerm: u64,
    reject: fc.boolean(),
    rejectHint: u64,
    recoveringTerm: u64,
  }),
  record({
    type: fc.constantFrom('MsgVote' as const, 'MsgPreVote' as const),
    term,
    index: u64,
    logTerm: u64,
    context,
  }),
  record({
    type: fc.constantFrom('MsgVoteResp' as const, 'MsgPreVoteResp' as const),
    term,
    reject: fc.boolean(),
    knownCommit: u64,
    knownCommitTerm: u64,
  }),
  record({ type: fc.constant('MsgSnap' as const), term, snapshot }),
  record({ type: fc.constant('MsgHeartbeat' as const), term, commit: u64, context }),
  record({ type: fc.constant('MsgHeartbeatResp' as const), term, context }),
  record({ type: fc.constantFrom('MsgTransferLeader' as const, 'MsgTimeoutNow' as const), term }),
  record({ type: fc.constant('MsgReadIndex' as const), term: fc.constant(0), context }),
  record({ type: fc.constant('MsgReadIndexResp' as const), term, index: u64, context }),
);

/** Any message that a sound node may send to another one. */
export const peerMessage: fc.Arbitrary<PeerMessage> = fc
  .tuple(record({ to: id, from: id }), body)
  .map(([envelope, rest]): PeerMessage => ({ ...envelope, ...rest }));
