// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import { decodeMessage, encodeMessage } from '../../../src/raft/codec/codec.ts';
import { PEER_MESSAGE_TYPES, type PeerMessage } from '../../../src/raft/message.ts';
import type { ConfState, Entry, Snapshot } from '../../../src/raft/types.ts';
import { peerMessage } from './codec-messages.ts';

const NOTHING = Buffer.alloc(0);
const toTwo = { to: 2, from: 0x1234567890ab };

function entry(index: number, term: number, data: Buffer = NOTHING): Entry {
  return { index, term, type: 'EntryNormal', data };
}

/** A proposal with entries of as many bytes as are given. */
function proposalOf(...sizes: readonly number[]): PeerMessage {
  const entries = sizes.map((size) => entry(0, 0, Buffer.alloc(size, 'x')));
  return { type: 'MsgProp', ...toTwo, term: 0, entries };
}

function heartbeatOf(size: number): PeerMessage {
  return { type: 'MsgHeartbeat', ...toTwo, term: 1, commit: 0, context: Buffer.alloc(size) };
}

function snapshotMessage(snapshot: Partial<Snapshot>, confState: Partial<ConfState> = {}): PeerMessage {
  const soleVoter = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const metadata = { confState: { ...soleVoter, ...confState }, index: 1, term: 1 };
  return { type: 'MsgSnap', ...toTwo, term: 8, snapshot: { data: NOTHING, metadata, ...snapshot } };
}

/** `base` after `edit` of its bytes. */
function edited(base: PeerMessage, edit: (bytes: Buffer) => unknown): Buffer {
  const bytes = encodeMessage(base);
  edit(bytes);
  return bytes;
}

function assertRefused(bytes: Uint8Array, sentence: RegExp): void {
  assert.throws(
    () => decodeMessage(bytes),
    (error) =>
      error instanceof CofferError && error.code === 'raft.message-invalid' && sentence.test(error.detail),
  );
}

describe('a message between nodes', () => {
  test('reads back as it was written, and is written as it was read', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(peerMessage, (message) => {
        const bytes = encodeMessage(message);
        const read = decodeMessage(bytes);
        assert.deepEqual(read, message);
        assert.deepEqual(encodeMessage(read), bytes);
        seen.add(message.type);
      }),
      { numRuns: 2_000, seed: 1 },
    );
    assert.deepEqual([...seen].sort(), [...PEER_MESSAGE_TYPES].sort());
  });

  test('that is cut short anywhere, or goes on, is refused', () => {
    fc.assert(
      fc.property(peerMessage, fc.nat(), (message, cut) => {
        const bytes = encodeMessage(message);
        assertRefused(bytes.subarray(0, cut % bytes.length), /^a message from a peer ends too early$/);
        assertRefused(
          Buffer.concat([bytes, Buffer.alloc(1)]),
          /^a message from a peer (has bytes left over|holds)/,
        );
      }),
      { numRuns: 500, seed: 2 },
    );
  });

  test('is nowhere a view: what is read outlives the bytes that it was read from', () => {
    fc.assert(
      fc.property(peerMessage, (message) => {
        const bytes = encodeMessage(message);
        const read = decodeMessage(bytes);
        bytes.fill(0xee);
        assert.deepEqual(read, message);
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  test("keeps entries' data, which hold secrets, out of the pool that Node's buffers share", () => {
    const bytes = encodeMessage(proposalOf(5, 7));
    assert.equal(bytes.buffer.byteLength, bytes.length);
    const read = decodeMessage(bytes);
    assert.ok(read.type === 'MsgProp');
    const memory = new Set(read.entries.map(({ data }) => data.buffer));
    assert.equal(memory.size, 1);
    assert.deepEqual(
      [...memory].map(({ byteLength }) => byteLength),
      [2 * 21 + 5 + 7],
    );
  });
});

describe('a message that cannot be understood is refused:', () => {
  const reject: PeerMessage = {
    type: 'MsgVoteResp',
    ...toTwo,
    term: 1,
    reject: true,
    knownCommit: 0,
    knownCommitTerm: 0,
  };

  test('an unknown version', () => {
    assertRefused(
      edited(reject, (bytes) => bytes.writeUInt8(2, 0)),
      /has version 2, which/,
    );
  });

  test('an unknown kind, and the kinds that stay within a node', () => {
    for (const kind of [0, 1, 10, 11, 12, 19, 20, 21, 22, 23, 255]) {
      assertRefused(
        edited(reject, (bytes) => bytes.writeUInt8(kind, 1)),
        new RegExp(`has kind ${kind}, which`),
      );
    }
  });

  test('a boolean of 2', () => {
    assertRefused(
      edited(reject, (bytes) => bytes.writeUInt8(2, 26)),
      /neither 0 nor 1/,
    );
  });

  test('an integer of 2^53', () => {
    assertRefused(
      edited(reject, (bytes) => bytes.writeBigUInt64BE(2n ** 53n, 18)),
      /beyond 2\^53/,
    );
  });

  test('an unknown type of entry', () => {
    const bytes = edited(proposalOf(1), (target) => target.writeUInt8(3, 26 + 4 + 16));
    assertRefused(bytes, /a type that this version cannot read/);
  });
});

describe('a message that no sound node sends is neither sent nor taken:', () => {
  const app = (entries: readonly Entry[]): PeerMessage => ({
    type: 'MsgApp',
    ...toTwo,
    term: 5,
    index: 7,
    logTerm: 4,
    commit: 0,
    entries,
  });
  const U64_AT = { to: 2, from: 10, term: 18 } as const;

  /** Asserts that `bad` is not sent, and that bytes which say the same as `bad`, made from `good`, are not taken. */
  function assertNeither(bad: PeerMessage, good: PeerMessage, edit: (bytes: Buffer) => unknown): void {
    assert.throws(() => encodeMessage(bad), { code: 'internal.invariant' });
    assertRefused(edited(good, edit), /^a message from a peer /);
  }

  for (const field of ['to', 'from'] as const) {
    for (const id of [0, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER]) {
      test(`${field} ${id}, which is no node`, () => {
        const good = heartbeatOf(0);
        assertNeither({ ...good, [field]: id }, good, (bytes) =>
          bytes.writeBigUInt64BE(BigInt(id), U64_AT[field]),
        );
      });
    }
  }

  test('term 0, which the core would take for its own word', () => {
    const good = heartbeatOf(0);
    assertNeither({ ...good, term: 0 }, good, (bytes) => bytes.writeBigUInt64BE(0n, U64_AT.term));
  });

  test('a proposal of some term', () => {
    const good = proposalOf(3);
    assertNeither({ ...good, term: 1 }, good, (bytes) => bytes.writeBigUInt64BE(1n, U64_AT.term));
  });

  test('a proposal of nothing', () => {
    assert.throws(() => encodeMessage(proposalOf()), { code: 'internal.invariant' });
    const bytes = edited(proposalOf(0), (target) => target.writeUInt32BE(0, 26)).subarray(0, 30);
    assertRefused(bytes, /proposes nothing/);
  });

  test('a proposed entry that has an index', () => {
    const bad: PeerMessage = { type: 'MsgProp', ...toTwo, term: 0, entries: [entry(1, 0)] };
    assertNeither(bad, proposalOf(0), (bytes) => bytes.writeBigUInt64BE(1n, 30));
  });

  const FIRST_ENTRY = 26 + 3 * 8 + 4;
  const good = app([entry(8, 4), entry(9, 5)]);
  for (const [what, entries, at, value] of [
    ['entries with a gap before them', [entry(9, 4), entry(9, 5)], FIRST_ENTRY, 9n],
    ['entries with a gap among them', [entry(8, 4), entry(10, 5)], FIRST_ENTRY + 21, 10n],
    ['an entry of an earlier term than the one before', [entry(8, 3), entry(9, 5)], FIRST_ENTRY + 8, 3n],
    ["an entry of a later term than the leader's", [entry(8, 4), entry(9, 6)], FIRST_ENTRY + 29, 6n],
  ] as const) {
    test(what, () => {
      assertNeither(app(entries), good, (bytes) => bytes.writeBigUInt64BE(value, at));
    });
  }

  test('an entry of no term', () => {
    const first: PeerMessage = {
      type: 'MsgApp',
      ...toTwo,
      term: 5,
      index: 0,
      logTerm: 0,
      commit: 0,
      entries: [],
    };
    const bad = { ...first, entries: [entry(1, 0)] };
    assertNeither(bad, { ...first, entries: [entry(1, 1)] }, (bytes) =>
      bytes.writeBigUInt64BE(0n, FIRST_ENTRY + 8),
    );
  });

  const configurations: Readonly<Record<string, Partial<ConfState>>> = {
    'without a voter': { voters: [] },
    'with a list that is not ascending': { voters: [2, 1] },
    'that names a node twice': { voters: [1, 1] },
    'that names no node': { voters: [0, 1] },
    'that names a part of a node': { voters: [1, Number.MAX_SAFE_INTEGER] },
    'with a learner that votes': { learners: [1] },
    'with a learner that votes in the outgoing half': { learners: [2], votersOutgoing: [2] },
    'with a learner to be that did not vote': { votersOutgoing: [2], learnersNext: [3] },
    'with a learner to be that goes on voting': { votersOutgoing: [1], learnersNext: [1] },
    'that leaves what is not joint': { autoLeave: true },
  };
  for (const [what, part] of Object.entries(configurations)) {
    test(`a configuration ${what}`, () => {
      assert.throws(() => encodeMessage(snapshotMessage({}, part)), { code: 'internal.invariant' });
      assertRefused(snapshotBytes(part), /holds a configuration that cannot be/);
    });
  }

  test('a snapshot of no index or no term', () => {
    const sole = snapshotMessage({});
    for (const at of [26, 34]) {
      assertRefused(
        edited(sole, (bytes) => bytes.writeBigUInt64BE(0n, at)),
        /snapshot of nothing/,
      );
    }
  });

  /** What the encoder would write, if it checked nothing. */
  function snapshotBytes(part: Partial<ConfState>): Buffer {
    const u32 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(8, '0'), 'hex');
    const u64 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(16, '0'), 'hex');
    const list = (ids: readonly number[] = []): Buffer => Buffer.concat([u32(ids.length), ...ids.map(u64)]);
    const head = encodeMessage(snapshotMessage({})).subarray(0, 26 + 16);
    return Buffer.concat([
      head,
      list(part.voters ?? [1]),
      list(part.learners),
      list(part.votersOutgoing),
      list(part.learnersNext),
      Buffer.of(part.autoLeave === true ? 1 : 0),
      u32(0),
    ]);
  }
});
