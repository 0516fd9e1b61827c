// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import { decodeMessage, encodeMessage } from '../../../src/raft/codec/codec.ts';
import { MESSAGE_LIMITS, type MessageLimits } from '../../../src/raft/codec/codec-limits.ts';
import { entrySize } from '../../../src/raft/entry-size.ts';
import type { PeerMessage } from '../../../src/raft/message.ts';
import type { Snapshot } from '../../../src/raft/types.ts';
import {
  encodeRequest,
  LABELS_BYTES_MAX,
  NAME_LENGTH_MAX,
  newRequestId,
  VALUE_BYTES_MAX,
} from '../../../src/secrets/index.ts';

const envelope = { to: 2, from: 1 };

/** A proposal with entries of as many bytes as are given. */
function proposalOf(...sizes: readonly number[]): PeerMessage {
  const entries = sizes.map((size) => ({
    index: 0,
    term: 0,
    type: 'EntryNormal' as const,
    data: Buffer.alloc(size, 'x'),
  }));
  return { type: 'MsgProp', ...envelope, term: 0, entries };
}

function heartbeatOf(size: number): PeerMessage {
  return { type: 'MsgHeartbeat', ...envelope, term: 1, commit: 0, context: Buffer.alloc(size) };
}

function snapshotMessage(data: Snapshot['data'], voters: readonly number[]): PeerMessage {
  const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const snapshot = { data, metadata: { confState, index: 1, term: 1 } };
  return { type: 'MsgSnap', ...envelope, term: 8, snapshot };
}

function assertRefused(bytes: Uint8Array, sentence: RegExp, limits?: MessageLimits): void {
  assert.throws(
    () => decodeMessage(bytes, limits),
    (error) =>
      error instanceof CofferError && error.code === 'raft.message-invalid' && sentence.test(error.detail),
  );
}

describe('a message is limited in', () => {
  const ascending = (count: number): readonly number[] =>
    Array.from({ length: count }, (_, place) => place + 1);
  const limitCases: readonly {
    readonly limit: keyof MessageLimits;
    readonly make: (size: number) => PeerMessage;
  }[] = [
    { limit: 'entries', make: (count) => proposalOf(...ascending(count).map(() => 0)) },
    { limit: 'entryData_bytes', make: (size) => proposalOf(size) },
    { limit: 'context_bytes', make: heartbeatOf },
    { limit: 'snapshotData_bytes', make: (size) => snapshotMessage(Buffer.alloc(size), [1]) },
    { limit: 'confStateIds', make: (count) => snapshotMessage(Buffer.alloc(0), ascending(count)) },
  ];
  for (const { limit, make } of limitCases) {
    test(limit, () => {
      const most = make(MESSAGE_LIMITS[limit]);
      assert.deepEqual(decodeMessage(encodeMessage(most)), most);
      const size = MESSAGE_LIMITS[limit] + 1;
      assert.throws(() => encodeMessage(make(size)), { code: 'internal.invariant' });
      const bytes = encodeMessage(make(3));
      assertRefused(bytes, /holds more than 2 /, { ...MESSAGE_LIMITS, [limit]: 2 });
      assert.doesNotThrow(() => decodeMessage(bytes, { ...MESSAGE_LIMITS, [limit]: 3 }));
    });
  }

  test('entryData_bytes, which the largest command that there can be keeps', () => {
    const largest = encodeRequest({
      id: newRequestId(),
      baseIndex: Number.MAX_SAFE_INTEGER,
      proposer: Number.MAX_SAFE_INTEGER,
      command: {
        kind: 'put',
        id: 'a'.repeat(25),
        name: 'n'.repeat(NAME_LENGTH_MAX),
        labels: shortLabels(LABELS_BYTES_MAX),
        origin: 'control',
        expect: 'always',
        value: SecretValue.copyOf(Buffer.alloc(VALUE_BYTES_MAX)),
        at_ms: 0,
      },
    });
    assert.ok(largest.length > 2 * LABELS_BYTES_MAX + VALUE_BYTES_MAX, `${largest.length} bytes`);
    assert.ok(largest.length <= MESSAGE_LIMITS.entryData_bytes, `${largest.length} bytes`);
  });

  /** As many labels as have that many bytes together: most of a command's bytes are then lengths. */
  function shortLabels(size: number): Readonly<Record<string, string>> {
    const labels: Record<string, string> = { '': '' };
    let keys = [''];
    for (let left = size; ; ) {
      keys = keys.flatMap((key) => Array.from({ length: 128 }, (_, code) => key + String.fromCharCode(code)));
      for (const key of keys) {
        left -= key.length;
        if (left < 0) {
          return labels;
        }
        labels[key] = '';
      }
    }
  }

  test('entries, which a leader that sends a MiB at a time keeps', () => {
    const most =
      1 +
      Math.floor(
        (1024 * 1024) / entrySize({ index: 1, term: 1, type: 'EntryNormal', data: Buffer.alloc(0) }),
      );
    assert.ok(most <= MESSAGE_LIMITS.entries, `${most} entries`);
  });

  test('message_bytes', () => {
    const { entryData_bytes: entryMax, message_bytes: messageMax } = MESSAGE_LIMITS;
    const room = messageMax - 26 - 4 - 4 * 21;
    const most = proposalOf(entryMax, entryMax, entryMax, room - 3 * entryMax);
    const bytes = encodeMessage(most);
    assert.equal(bytes.length, messageMax);
    assert.equal(decodeMessage(bytes).type, 'MsgProp');
    const larger = proposalOf(entryMax, entryMax, entryMax, room - 3 * entryMax + 1);
    assert.throws(() => encodeMessage(larger), { code: 'internal.invariant' });
    assertRefused(Buffer.alloc(messageMax + 1), /is longer than 16777216 bytes/);
  });

  test('the counts, which are compared with what is left before anything is read', () => {
    const bytes = encodeMessage(proposalOf(0, 0));
    bytes.writeUInt32BE(3, 26);
    assertRefused(bytes, /ends too early/);
    const snapshot = encodeMessage(snapshotMessage(Buffer.alloc(0), [1]));
    snapshot.writeUInt32BE(1_000, 26 + 16);
    assertRefused(snapshot, /ends too early/);
  });
});
