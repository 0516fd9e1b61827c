// SPDX-License-Identifier: Apache-2.0
// Sealing to a public key: NaCl's box (X25519, XSalsa20 and Poly1305; tweetnacl) from a key pair that is used once.
import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { CofferError } from '../common/index.ts';
import { open, type RandomBytes, seal, SEAL_OVERHEAD_BYTES } from './secretbox.ts';

export const PUBLIC_KEY_BYTES = nacl.box.publicKeyLength;
/** How much longer what was sealed to a public key is than the message. */
export const SEALED_TO_OVERHEAD_BYTES = PUBLIC_KEY_BYTES + SEAL_OVERHEAD_BYTES;

/** What every secret key shares with a point of small order. Written down, since every start would wait for it to be calculated. */
const KNOWN_TO_ALL = Buffer.from('351f86faa3b988468a850122b65b0acece9c4826806aeee63de9c0da2bd7f91e', 'hex');

/** The X25519 public key of a secret key, which is any 32 random bytes. */
export function publicKeyOf(secretKey: Uint8Array): Buffer {
  return Buffer.from(nacl.box.keyPair.fromSecretKey(secretKey).publicKey);
}

/** Whether anything can be sealed to that key: not with one that gives everybody the same shared key. */
export function isPublicKey(key: Uint8Array): boolean {
  const shared =
    key.length === PUBLIC_KEY_BYTES ? sharedKey(key, randomBytes(nacl.box.secretKeyLength)) : undefined;
  shared?.fill(0);
  return shared !== undefined;
}

/**
 * Seals `message` so that only the secret key of `publicKey` opens it: a public key of its own (32 bytes), nonce, box. Says
 * nothing of who sealed it. Throws `backup.key-invalid` for a public key that gives everybody the same shared key.
 */
export function sealTo(
  publicKey: Uint8Array,
  message: Uint8Array,
  random: RandomBytes = randomBytes,
): Buffer {
  const own = nacl.box.keyPair.fromSecretKey(random(nacl.box.secretKeyLength));
  const shared = sharedKey(publicKey, own.secretKey);
  try {
    if (shared === undefined) {
      throw new CofferError('backup.key-invalid', 'the public key is none that anything can be sealed to');
    }
    return Buffer.concat([own.publicKey, seal(shared, message, random)]);
  } finally {
    own.secretKey.fill(0);
    shared?.fill(0);
  }
}

/** Opens what `sealTo` made for this secret key; undefined for anything else. The caller owns the message and wipes it. */
export function openWith(secretKey: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < SEALED_TO_OVERHEAD_BYTES) {
    return undefined;
  }
  const sender = sealed.subarray(0, PUBLIC_KEY_BYTES);
  // X25519 ignores the highest bit, which no key of ours has: what was altered there would open.
  const isOurs = ((sender[PUBLIC_KEY_BYTES - 1] ?? 0) & 0x80) === 0;
  const shared = isOurs ? sharedKey(sender, secretKey) : undefined;
  if (shared === undefined) {
    return undefined;
  }
  try {
    return open(shared, sealed.subarray(PUBLIC_KEY_BYTES));
  } finally {
    shared.fill(0);
  }
}

/**
 * undefined for a point of small order, with which the shared key would be known to all (RFC 7748, 6.1). It is told by that key, and not by
 * the product behind it, which would have to be made twice.
 */
function sharedKey(publicKey: Uint8Array, secretKey: Uint8Array): Uint8Array | undefined {
  const shared = nacl.box.before(publicKey, secretKey);
  return nacl.verify(shared, KNOWN_TO_ALL) ? undefined : shared;
}
