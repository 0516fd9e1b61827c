// SPDX-License-Identifier: Apache-2.0
// The sealing against another implementation of the same cipher, and what is bound to a record's place.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import {
  checkKey,
  dataKey,
  isPublicKey,
  KEY_BYTES,
  Keyring,
  NONCE_BYTES,
  open,
  openRecord,
  seal,
  SEAL_OVERHEAD_BYTES,
  sealRecord,
} from '../../../src/crypto/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

/** Of order 1, 2, 4 and 8 (D. J. Bernstein, "A state-of-the-art Diffie-Hellman function"). */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

const SIZES = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 4_096, 65_535, 65_536];

test('a point of small order, which shares one key with everybody, is no public key', () => {
  for (const point of SMALL_ORDER) {
    assert.equal(isPublicKey(Buffer.from(point, 'hex')), false, point);
  }
  assert.equal(isPublicKey(Buffer.alloc(32, 9)), true);
});

describe('a secretbox', () => {
  const random = new SeededRandom();
  for (const size of SIZES) {
    test(`of ${size} bytes is the same as @noble/ciphers makes and opens`, () => {
      const key = random.bytes(KEY_BYTES);
      const message = random.bytes(size);
      const sealed = seal(key, message);
      assert.equal(sealed.length, size + SEAL_OVERHEAD_BYTES);
      const other = xsalsa20poly1305(key, sealed.subarray(0, NONCE_BYTES));
      assert.deepEqual(Buffer.from(other.decrypt(sealed.subarray(NONCE_BYTES))), message);

      const nonce = random.bytes(NONCE_BYTES);
      const theirs = Buffer.concat([nonce, xsalsa20poly1305(key, nonce).encrypt(message)]);
      assert.deepEqual(open(key, theirs), message);
    });
  }

  test('that was altered anywhere, cut, or lengthened does not open; nor under another key', () => {
    const key = random.bytes(KEY_BYTES);
    const sealed = seal(key, random.bytes(40));
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Buffer.from(sealed);
      altered.writeUInt8(altered.readUInt8(at) ^ (1 << random.below(8)), at);
      assert.equal(open(key, altered), undefined, `byte ${at}`);
      assert.equal(open(key, sealed.subarray(0, at)), undefined, `cut to ${at}`);
    }
    assert.equal(open(key, Buffer.concat([sealed, Buffer.of(0)])), undefined);
    assert.equal(open(random.bytes(KEY_BYTES), sealed), undefined);
  });

  test('has a nonce of its own each time', () => {
    const key = randomBytes(KEY_BYTES);
    const nonces = Array.from({ length: 1_000 }, () =>
      seal(key, Buffer.alloc(0)).toString('hex', 0, NONCE_BYTES),
    );
    assert.equal(new Set(nonces).size, nonces.length);
  });

  test('takes only a whole key', () => {
    assert.throws(() => seal(Buffer.alloc(31), Buffer.alloc(1)), { code: 'internal.invariant' });
    assert.throws(() => checkKey(Buffer.alloc(33), 'a key'), { code: 'store.damaged' });
  });
});

describe('a sealed record', () => {
  const keyring = Keyring.generate();
  const place = Buffer.from('place');
  const payload = Buffer.from('payload');

  test('opens in its place, with an empty payload too', () => {
    assert.deepEqual(openRecord(keyring, place, sealRecord(keyring, place, payload), 'it'), payload);
    assert.equal(openRecord(keyring, place, sealRecord(keyring, place, Buffer.alloc(0)), 'it').length, 0);
  });

  test('does not open in another place, nor in one that splits its bytes elsewhere', () => {
    const record = sealRecord(keyring, place, payload);
    for (const other of ['Place', 'plac', 'places', 'placep', '']) {
      assert.throws(
        () => openRecord(keyring, Buffer.from(other), record, 'it'),
        { code: 'store.damaged' },
        other,
      );
    }
  });

  test('names its damage, whatever is done to its bytes', () => {
    const record = sealRecord(keyring, place, payload);
    for (let at = 0; at < record.length; at += 1) {
      const altered = Buffer.from(record);
      altered.writeUInt8(altered.readUInt8(at) ^ 0x80, at);
      for (const bytes of [altered, record.subarray(0, at)]) {
        assert.throws(() => openRecord(keyring, place, bytes, 'the thing'), /store\.damaged.*the thing/);
      }
    }
  });

  test('of a retired key opens, and of one that is gone does not', () => {
    const retired = keyring.active;
    const record = sealRecord(keyring, place, payload);
    const rotated = new Keyring(dataKey(randomBytes(KEY_BYTES)), [retired], keyring.indexKey);
    assert.deepEqual(openRecord(rotated, place, record, 'it'), payload);
    const without = new Keyring(rotated.active, [], keyring.indexKey);
    assert.throws(() => openRecord(without, place, record, 'it'), /is not here/);
  });

  test('shows neither its place nor its payload', () => {
    const record = sealRecord(keyring, place, payload);
    assert.ok(!record.includes(place) && !record.includes(payload));
  });
});

describe('a keyring', () => {
  test('takes its keys and every nonce from the randomness that it is given, so that a simulation repeats', () => {
    const made = [1, 1, 2].map((seed) => {
      const random = new SeededRandom(seed);
      const keyring = Keyring.generate((size) => random.bytes(size));
      const records = [0, 1].map(() => sealRecord(keyring, Buffer.from('place'), Buffer.from('payload')));
      return Buffer.concat([keyring.active.bytes, keyring.indexKey, ...records]).toString('hex');
    });
    assert.equal(made[0], made[1]);
    assert.notEqual(made[0], made[2]);
    const keyring = Keyring.generate();
    const twice = [0, 1].map(() => sealRecord(keyring, Buffer.from('place'), Buffer.from('payload')));
    assert.ok(twice[0]?.equals(twice[1] ?? Buffer.alloc(0)) === false, 'by default no two are the same');
  });

  test('hashes as HMAC-SHA-256 does, of messages of any length', () => {
    const random = new SeededRandom();
    const key = random.bytes(KEY_BYTES);
    const keyring = new Keyring(dataKey(random.bytes(KEY_BYTES)), [], key);
    for (const size of [
      ...SIZES,
      ...Array.from({ length: 200 }, (_, length) => length),
      8_100,
      8_200,
      100_000,
    ]) {
      const message = random.bytes(size);
      const cut = random.below(size + 1);
      assert.deepEqual(
        keyring.keyedHash('a purpose', message.subarray(0, cut), message.subarray(cut)),
        createHmac('sha256', key).update('a purpose').update('\0').update(message).digest(),
        `${size} bytes; ${random.description}`,
      );
    }
  });

  test('hashes by purpose, and is zeros once it is wiped', () => {
    const keyring = Keyring.generate();
    const data = Buffer.from('data');
    assert.deepEqual(keyring.keyedHash('a', data), keyring.keyedHash('a', data));
    assert.notDeepEqual(keyring.keyedHash('a', data), keyring.keyedHash('b', data));
    const bytes = keyring.active.bytes;
    keyring.wipe();
    assert.ok(bytes.equals(Buffer.alloc(KEY_BYTES)) && keyring.indexKey.equals(Buffer.alloc(KEY_BYTES)));
  });
});
