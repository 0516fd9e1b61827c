// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import { decodeMessage, encodeMessage } from '../../../src/raft/codec/codec.ts';
import type { PeerMessage } from '../../../src/raft/message.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { meterAllocations } from '../../support/allocation-meter.ts';
import { mutant } from './byte-mutations.ts';
import { peerMessage } from './codec-messages.ts';

const INPUTS = 200_000;

/** The message; or the error, which must be the one that is promised. */
function decodeOrError(bytes: Buffer): PeerMessage | CofferError {
  try {
    return decodeMessage(bytes);
  } catch (thrown) {
    if (thrown instanceof CofferError && thrown.code === 'raft.message-invalid') {
      return thrown;
    }
    throw new Error(`${bytes.toString('hex')} does more than be refused`, { cause: thrown });
  }
}

/** An error's sentence without the numbers: limits, and the version or kind that nobody knows. */
function sentenceOf(error: CofferError): string {
  return error.detail.replaceAll(/\d+/g, 'N');
}

const SENTENCES = [
  'appends entries that do not follow on each other',
  'comes from no node or goes to none',
  'ends too early',
  'has a term where its kind has none, or none where its kind has one',
  'has bytes left over',
  'has kind N, which this version of coffer cannot read',
  'has version N, which this version of coffer cannot read',
  'holds a boolean that is neither N nor N',
  'holds a configuration that cannot be',
  'holds a number beyond N^N',
  'holds a snapshot of nothing',
  'holds an entry of a type that this version cannot read',
  'holds more than N bytes of context',
  'holds more than N bytes of data in a snapshot',
  'holds more than N bytes of data in an entry',
  'holds more than N entries',
  'holds more than N nodes in a list',
  'proposes an entry that has its place already',
  'proposes nothing',
].map((how) => `a message from a peer ${how}`);

describe('of any bytes at all', () => {
  test('the decoder makes a message or raft.message-invalid, and allocates no more than it was given', (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const corpus = fc.sample(peerMessage, { seed: random.seed, numRuns: 500 }).map(encodeMessage);
    const sentences = new Set<string>();
    let taken = 0;
    const meter = meterAllocations();
    try {
      for (let input = 0; input < INPUTS; input += 1) {
        const bytes = mutant(corpus, random);
        const { result, allocated_bytes } = meter.measure(() => decodeOrError(bytes));
        assert.ok(
          allocated_bytes <= bytes.length,
          `${bytes.toString('hex')} made the decoder allocate ${allocated_bytes} bytes`,
        );
        if (result instanceof CofferError) {
          sentences.add(sentenceOf(result));
        } else {
          taken += 1;
          assert.ok(encodeMessage(result).equals(bytes), `${bytes.toString('hex')} has two encodings`);
        }
      }
    } finally {
      meter.stop();
    }
    t.diagnostic(`${taken} of ${INPUTS} inputs are messages all the same`);
    // A sentence that is not one of these would be a quotation of what the message holds.
    assert.deepEqual([...sentences].sort(), SENTENCES);
  });

  test('a count that promises more than there is makes nobody allocate', () => {
    const sizes = [0xffff_ffff, 0x8000_0000, 65_536, 1_000];
    const bodies: readonly (readonly [kind: number, before: number])[] = [
      [2, 0],
      [3, 24],
      [5, 16],
      [7, 16],
      [8, 8],
      [9, 0],
    ];
    const header = encodeMessage({ type: 'MsgTimeoutNow', to: 1, from: 2, term: 1 });
    const meter = meterAllocations();
    try {
      for (const [kind, before] of bodies) {
        for (const size of sizes) {
          const bytes = Buffer.concat([header, Buffer.alloc(before + 4)]);
          bytes.writeUInt8(kind, 1);
          bytes.writeUInt32BE(size, header.length + before);
          const { result, allocated_bytes } = meter.measure(() => decodeOrError(bytes));
          assert.ok(result instanceof CofferError);
          assert.equal(allocated_bytes, 0);
        }
      }
    } finally {
      meter.stop();
    }
  });
});
