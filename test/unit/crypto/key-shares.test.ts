// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { SecretValue } from '../../../src/common/index.ts';
import { combineKeyShares, isKeyShare, newUnlockKey, splitUnlockKey } from '../../../src/crypto/index.ts';
import { inverse, multiply } from '../../../src/crypto/gf256.ts';
import { assertProperty } from '../../support/property.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const ELEMENTS = Array.from({ length: 256 }, (_, index) => index);

describe('the field of 256 elements', () => {
  test('multiplies as FIPS 197 says', () => {
    assert.equal(multiply(0x57, 0x83), 0xc1);
    assert.equal(multiply(0x57, 0x13), 0xfe);
    assert.equal(multiply(0x57, 0x10), 0x07);
    assert.equal(inverse(0x53), 0xca);
  });

  test('is one: each element but 0 has an inverse, and products are as those of polynomials', () => {
    for (const a of ELEMENTS) {
      assert.equal(multiply(a, inverse(a)), a === 0 ? 0 : 1);
      for (const b of ELEMENTS) {
        assert.equal(multiply(a, b), remainder(a, b));
      }
    }
  });
});

/** Multiplied as polynomials, and divided by x^8 + x^4 + x^3 + x + 1: another way to the same. */
function remainder(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit += 1) {
    product ^= (b & (1 << bit)) === 0 ? 0 : a << bit;
  }
  for (let bit = 14; bit >= 8; bit -= 1) {
    product ^= (product & (1 << bit)) === 0 ? 0 : 0x11b << (bit - 8);
  }
  return product;
}

describe('shares of an unlock key', () => {
  test('give the key back, whichever of them are taken, in any order and in surplus', (t) => {
    const plans = fc
      .integer({ min: 2, max: 16 })
      .chain((count) => fc.tuple(fc.integer({ min: 2, max: count }), fc.constant(count), fc.integer()));
    assertProperty(
      t,
      200,
      fc.property(plans, ([threshold, count, seed]) => {
        const random = new SeededRandom(seed);
        const key = newUnlockKey((size) => random.bytes(size));
        const shares = [...splitUnlockKey(key, { threshold, count })];
        const taken: Buffer[] = [];
        const wanted = threshold + random.below(count - threshold + 1);
        while (taken.length < wanted) {
          taken.push(...shares.splice(random.below(shares.length), 1));
        }
        assert.ok(combineKeyShares(taken).equals(key));
      }),
    );
  });

  test('are the values of the polynomials that chance has chosen', () => {
    // All coefficients of x are 1: byte by byte, share n is the key plus n.
    const key = SecretValue.copyOf(Buffer.alloc(32, 0x40));
    const shares = splitUnlockKey(key, { threshold: 2, count: 3 }, (size) => Buffer.alloc(size, 1));
    const other = SecretValue.copyOf(Buffer.alloc(32, 0x41));
    assert.notDeepEqual(
      shares,
      splitUnlockKey(other, { threshold: 2, count: 3 }, (size) => Buffer.alloc(size, 1)),
    );
    assert.deepEqual(
      shares.map((share) => crockford(share).subarray(14, 46)),
      [0x41, 0x42, 0x43].map((value) => Buffer.alloc(32, value)),
    );
  });

  test('fewer than are needed fit every key alike', () => {
    // Of two shares that are needed one is known: for each value of a byte of the key there is one polynomial through it.
    const known = 0x9a;
    const fitting = ELEMENTS.map((candidate) => multiply(candidate ^ known, inverse(3)));
    assert.equal(new Set(fitting).size, 256);
  });

  test('are texts of twenty groups, each other than the last one, that tell the key from a share', () => {
    const key = newUnlockKey();
    const shares = [
      ...splitUnlockKey(key, { threshold: 3, count: 5 }),
      ...splitUnlockKey(key, { threshold: 3, count: 5 }),
    ];
    assert.equal(new Set(shares.map(String)).size, 10);
    for (const share of shares) {
      assert.match(share.toString(), /^COFFER-SHARE-1(-[0-9A-HJKMNP-TV-Z]{4}){20}$/);
      assert.ok(isKeyShare(share));
    }
    assert.ok(!isKeyShare(Buffer.from('COFFER-UNLOCK-1-')));
  });

  test('say what is missing, given twice, mistyped or of another set', () => {
    const key = newUnlockKey();
    const [one, two, three] = trio(key);
    const [stranger] = trio(key);
    const refusal = (shares: readonly Buffer[], detail: string | RegExp): void =>
      assert.throws(() => combineKeyShares(shares), { code: 'unlock.shares-invalid', detail });
    refusal([], 'no share is given');
    refusal([one], '1 of 3 shares are given (1): 2 more are needed');
    refusal([two, three], '2 of 3 shares are given (2, 3): 1 more is needed');
    refusal([one, two, two], 'share 2 is given twice');
    refusal([one, two, stranger], 'these shares are not of one set');
    const mistyped = Buffer.from(one);
    mistyped.write(mistyped.toString('latin1', 40, 41) === '7' ? '8' : '7', 40);
    refusal([mistyped, two, three], 'a character of this share is wrong');
    refusal([one.subarray(1)], /begins with COFFER-SHARE-1-/);
  });

  test('are refused for plans out of bounds', () => {
    for (const [threshold, count] of [
      [1, 3],
      [0, 0],
      [4, 3],
      [2, 17],
      [2.5, 3],
      [Number.NaN, 3],
    ] as const) {
      assert.throws(() => splitUnlockKey(newUnlockKey(), { threshold, count }), {
        code: 'unlock.shares-invalid',
      });
    }
  });
});

function trio(key: SecretValue): readonly [Buffer, Buffer, Buffer] {
  const [one, two, three] = splitUnlockKey(key, { threshold: 3, count: 3 });
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  return [one, two, three];
}

/** The bytes of a share's text, read in another way than the program does. */
function crockford(text: Buffer): Buffer {
  const characters = text.toString().replace('COFFER-SHARE-1', '').replaceAll('-', '');
  let number = 0n;
  for (const character of characters) {
    number = number * 32n + BigInt('0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(character));
  }
  return Buffer.from(number.toString(16).padStart(100, '0'), 'hex');
}
