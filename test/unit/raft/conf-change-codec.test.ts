// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import {
  CONF_CHANGE_CONTEXT_BYTES_MAX,
  CONF_CHANGES_MAX,
  decodeConfChange,
  encodeConfChange,
} from '../../../src/raft/confchange/index.ts';
import {
  type AnyConfChange,
  CONF_CHANGE_TRANSITIONS,
  CONF_CHANGE_TYPES,
  type ConfChangeSingle,
  type EntryType,
  LOCAL_APPLY_THREAD,
} from '../../../src/raft/types.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { meterAllocations } from '../../support/allocation-meter.ts';
import { mutant } from './byte-mutations.ts';

const NOTHING = Buffer.alloc(0);
const NODE_ID_MAX = LOCAL_APPLY_THREAD - 1;
const plain = { noNullPrototype: true } as const;

const single = fc.record(
  {
    type: fc.constantFrom(...CONF_CHANGE_TYPES),
    nodeId: fc.oneof(fc.constantFrom(0, 1, 2 ** 32, NODE_ID_MAX), fc.integer({ min: 0, max: NODE_ID_MAX })),
  },
  plain,
);
const context = fc.oneof(
  fc.constant(NOTHING),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);
const confChange: fc.Arbitrary<AnyConfChange> = fc.oneof(
  fc.tuple(single, context).map(([change, bytes]) => ({ kind: 'v1' as const, ...change, context: bytes })),
  fc.record(
    {
      kind: fc.constant('v2' as const),
      transition: fc.constantFrom(...CONF_CHANGE_TRANSITIONS),
      changes: fc.array(single, { maxLength: 9 }),
      context,
    },
    plain,
  ),
);

function typeOf(change: AnyConfChange): EntryType {
  return change.kind === 'v1' ? 'EntryConfChange' : 'EntryConfChangeV2';
}

function changesOf(count: number): readonly ConfChangeSingle[] {
  return Array.from({ length: count }, (_, place) => ({ type: 'ConfChangeAddNode', nodeId: place + 1 }));
}

function v2(changes: readonly ConfChangeSingle[], bytes: Buffer = NOTHING): AnyConfChange {
  return { kind: 'v2', transition: 'ConfChangeTransitionAuto', changes, context: bytes };
}

describe('a conf change', () => {
  test('reads back as it was written, and is written as it was read', () => {
    fc.assert(
      fc.property(confChange, (change) => {
        const data = encodeConfChange(change);
        const read = decodeConfChange(typeOf(change), data);
        assert.deepEqual(read, change);
        assert.deepEqual(encodeConfChange(read), data);
      }),
      { numRuns: 2_000, seed: 1 },
    );
  });

  test('is nowhere a view: what is read outlives the bytes that it was read from', () => {
    fc.assert(
      fc.property(confChange, (change) => {
        const data = encodeConfChange(change);
        const read = decodeConfChange(typeOf(change), data);
        data.fill(0xee);
        assert.deepEqual(read, change);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  const vectors: readonly (readonly [hex: string, change: AnyConfChange])[] = [
    ['', v2([])],
    ['', { kind: 'v1', type: 'ConfChangeAddNode', nodeId: 0, context: NOTHING }],
    [
      '01 03 001ffffffffffffd 00000002 cafe',
      {
        kind: 'v1',
        type: 'ConfChangeAddLearnerNode',
        nodeId: NODE_ID_MAX,
        context: Buffer.from([0xca, 0xfe]),
      },
    ],
    [
      '01 02 02 00 0000000000000004 01 0000000000000001 00000000',
      {
        kind: 'v2',
        transition: 'ConfChangeTransitionJointExplicit',
        changes: [
          { type: 'ConfChangeAddNode', nodeId: 4 },
          { type: 'ConfChangeRemoveNode', nodeId: 1 },
        ],
        context: NOTHING,
      },
    ],
    ['01 00 00 00000001 07', v2([], Buffer.of(7))],
  ];
  for (const [hex, change] of vectors) {
    test(`of ${change.kind} is encoded as ever: ${hex === '' ? 'no bytes' : hex}`, () => {
      const data = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      assert.deepEqual(encodeConfChange(change), data);
      assert.deepEqual(decodeConfChange(typeOf(change), data), change);
    });
  }

  test('is limited in changes, and in bytes of context', () => {
    for (const most of [
      v2(changesOf(CONF_CHANGES_MAX)),
      v2([], Buffer.alloc(CONF_CHANGE_CONTEXT_BYTES_MAX, 1)),
    ]) {
      assert.deepEqual(decodeConfChange('EntryConfChangeV2', encodeConfChange(most)), most);
    }
    for (const beyond of [
      v2(changesOf(CONF_CHANGES_MAX + 1)),
      v2([], Buffer.alloc(CONF_CHANGE_CONTEXT_BYTES_MAX + 1)),
    ]) {
      assert.throws(() => encodeConfChange(beyond), { code: 'request.invalid' });
    }
  });

  test('beyond a limit is not read either', () => {
    const changes = encodeConfChange(v2(changesOf(CONF_CHANGES_MAX)));
    const oneMore = Buffer.concat([changes.subarray(0, -4), changes.subarray(3, 12), Buffer.alloc(4)]);
    oneMore.writeUInt8(CONF_CHANGES_MAX + 1, 2);
    const context = Buffer.alloc(7 + CONF_CHANGE_CONTEXT_BYTES_MAX + 1);
    context.writeUInt8(1, 0);
    context.writeUInt32BE(CONF_CHANGE_CONTEXT_BYTES_MAX + 1, 3);
    for (const bytes of [oneMore, context]) {
      assert.throws(() => decodeConfChange('EntryConfChangeV2', bytes), { code: 'request.invalid' });
    }
  });

  test('is not what an EntryNormal holds', () => {
    assert.throws(() => decodeConfChange('EntryNormal', NOTHING), { code: 'request.invalid' });
  });
});

describe('of any bytes at all', () => {
  test('the decoder makes a conf change or request.invalid, and allocates no more than it was given', (t) => {
    const inputs = 200_000;
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const corpus = fc.sample(confChange, { seed: random.seed, numRuns: 300 }).map(encodeConfChange);
    let taken = 0;
    const meter = meterAllocations();
    try {
      for (let input = 0; input < inputs; input += 1) {
        const bytes = mutant(corpus, random);
        const type = random.pick(['EntryConfChange', 'EntryConfChangeV2'] as const);
        const { result, allocated_bytes } = meter.measure(() => decodeOrUndefined(type, bytes));
        assert.ok(
          allocated_bytes <= bytes.length,
          `${bytes.toString('hex')} made the decoder allocate ${allocated_bytes} bytes`,
        );
        if (result !== undefined) {
          taken += 1;
          assert.ok(encodeConfChange(result).equals(bytes), `${bytes.toString('hex')} has two encodings`);
        }
      }
    } finally {
      meter.stop();
    }
    t.diagnostic(`${taken} of ${inputs} inputs are conf changes all the same`);
  });

  /** The conf change; or undefined for the one error that is promised. */
  function decodeOrUndefined(type: EntryType, bytes: Buffer): AnyConfChange | undefined {
    try {
      return decodeConfChange(type, bytes);
    } catch (thrown) {
      if (thrown instanceof CofferError && thrown.code === 'request.invalid') {
        return undefined;
      }
      throw new Error(`${bytes.toString('hex')} does more than be refused`, { cause: thrown });
    }
  }
});
