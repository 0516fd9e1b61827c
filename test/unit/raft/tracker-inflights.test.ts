// SPDX-License-Identifier: Apache-2.0
// The window of appends on their way to a peer.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { Inflights } from '../../../src/raft/tracker/index.ts';
import { assertProperty } from '../../support/property.ts';

const INVARIANT = { code: 'internal.invariant' };

/** Sends appends of `bytes` each, that end at `first`, `first` + 1 and so on, until the window is full; how many. */
function fill(inflights: Inflights, first: number, bytes: number): number {
  let sent = 0;
  while (!inflights.full()) {
    inflights.add(first + sent, bytes);
    sent += 1;
  }
  return sent;
}

describe('a window', () => {
  test('is full at its number of messages, and takes no more', () => {
    const inflights = new Inflights(3, 0);
    assert.equal(fill(inflights, 1, 1_000_000), 3);
    assert.deepEqual([inflights.count, inflights.bytes], [3, 3_000_000]);
    assert.throws(() => inflights.add(4, 1), INVARIANT);
    assert.equal(inflights.count, 3);
  });

  test('is full at its number of bytes, and the message that crosses the bound is the last one', () => {
    for (const [maxBytes, bytes, fits] of [
      [100, 100, 1],
      [100, 99, 2],
      [100, 50, 2],
      [100, 49, 3],
      [100, 5_000, 1],
      [100, 0, 8],
    ] as const) {
      const inflights = new Inflights(8, maxBytes);
      assert.equal(fill(inflights, 1, bytes), fits, `${bytes} bytes each into ${maxBytes}`);
      assert.throws(() => inflights.add(100, 1), INVARIANT);
    }
  });

  test('is freed up to the index that was acknowledged, and no further', () => {
    for (const [acknowledged, count, bytes] of [
      [9, 4, 1111],
      [10, 3, 1110],
      [19, 3, 1110],
      [20, 2, 1100],
      [35, 1, 1000],
      [40, 0, 0],
      [1_000, 0, 0],
    ] as const) {
      const inflights = new Inflights(4, 0);
      [10, 20, 30, 40].forEach((index, place) => {
        inflights.add(index, 10 ** place);
      });
      inflights.freeLe(acknowledged);
      assert.deepEqual([inflights.count, inflights.bytes], [count, bytes], `acknowledged ${acknowledged}`);
    }
  });

  test('frees nothing for the answer to something older than all that is on its way', () => {
    const inflights = new Inflights(2, 0);
    inflights.freeLe(100);
    inflights.add(101, 7);
    inflights.freeLe(100);
    assert.deepEqual([inflights.count, inflights.bytes], [1, 7]);
  });

  test('goes round and round: places that were freed are used again in order', () => {
    const inflights = new Inflights(3, 0);
    fill(inflights, 1, 10);
    for (let oldest = 1; oldest <= 20; oldest += 1) {
      inflights.freeLe(oldest);
      assert.deepEqual([inflights.count, inflights.bytes], [2, 20]);
      inflights.add(oldest + 3, 10);
      assert.equal(inflights.full(), true);
    }
    inflights.freeLe(22);
    assert.equal(inflights.count, 1);
    inflights.freeLe(23);
    assert.equal(inflights.count, 0);
  });

  test('grows while older messages are still on their way', () => {
    const inflights = new Inflights(100, 0);
    for (let index = 1; index <= 150; index += 1) {
      inflights.add(index, 1);
      // Two go out for each that arrives, from the 50th on: it begins in the middle and ends at the front.
      inflights.freeLe(index - 60);
    }
    assert.deepEqual([inflights.count, inflights.bytes], [60, 60]);
    assert.equal(fill(inflights, 151, 1), 40);
    inflights.freeLe(189);
    assert.equal(inflights.count, 1);
  });

  test('that is reset waits for nothing, and remembers no bytes', () => {
    const inflights = new Inflights(10, 100);
    for (let round = 0; round < 5; round += 1) {
      assert.equal(fill(inflights, 1, 30), 4);
      inflights.reset();
      assert.deepEqual([inflights.count, inflights.bytes, inflights.full()], [0, 0, false]);
    }
  });

  test('takes messages in the order of the log only', () => {
    const inflights = new Inflights(10, 0);
    inflights.add(5, 1);
    assert.throws(() => inflights.add(4, 1), INVARIANT);
    inflights.reset();
    inflights.add(4, 1);
  });

  test('has room for at least one message', () => {
    for (const maxMessages of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => new Inflights(maxMessages, 0), INVARIANT);
    }
    assert.throws(() => new Inflights(1, -1), INVARIANT);
  });

  test('and its clone go their own ways', () => {
    const inflights = new Inflights(3, 0);
    fill(inflights, 1, 10);
    inflights.freeLe(2);
    const clone = inflights.clone();
    inflights.add(4, 10);
    assert.deepEqual([clone.count, clone.bytes], [1, 10]);
    assert.equal(fill(clone, 4, 5), 2);
    inflights.reset();
    clone.freeLe(3);
    assert.deepEqual([clone.count, clone.bytes], [2, 10]);
  });
});

type Step = { readonly kind: 'add' | 'free'; readonly by: number; readonly bytes: number };

const anyStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('add', 'add', 'free'),
  by: fc.integer({ min: 0, max: 6 }),
  bytes: fc.integer({ min: 0, max: 40 }),
});

test('a window counts as a plain list does, whatever is sent and acknowledged', (t) => {
  assertProperty(
    t,
    2_000,
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(0, 1, 50, 100),
      fc.array(anyStep, { maxLength: 80 }),
      (maxMessages, maxBytes, steps) => {
        const inflights = new Inflights(maxMessages, maxBytes);
        let list: { readonly index: number; readonly bytes: number }[] = [];
        let last = 0;
        const sum = (): number => list.reduce((total, { bytes }) => total + bytes, 0);
        for (const { kind, by, bytes } of steps) {
          if (kind === 'free') {
            const acknowledged = (list[0]?.index ?? last) + by - 1;
            inflights.freeLe(acknowledged);
            list = list.filter(({ index }) => index > acknowledged);
          } else if (!inflights.full()) {
            last += by;
            inflights.add(last, bytes);
            list.push({ index: last, bytes });
          }
          const full = list.length === maxMessages || (maxBytes > 0 && sum() >= maxBytes);
          assert.deepEqual([inflights.count, inflights.bytes, inflights.full()], [list.length, sum(), full]);
        }
      },
    ),
  );
});
