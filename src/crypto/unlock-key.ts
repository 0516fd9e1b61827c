// SPDX-License-Identifier: Apache-2.0
// The unlock key, one for a cluster: it seals the keys that lie on its managers' disks, and is on none of them itself.
import { createHash, randomBytes } from 'node:crypto';
import { CofferError, invariant, SecretValue } from '../common/index.ts';
import { fromText, type Misread, type TextForm, toText } from './readable-text.ts';
import { KEY_BYTES, type RandomBytes } from './secretbox.ts';

const KEY_ID_BYTES = 8;

/** 35 bytes are 56 characters: 14 groups of four. */
const FORM = {
  prefix: 'COFFER-UNLOCK-1-',
  payload_bytes: KEY_BYTES,
  checksum_bytes: 3,
} as const satisfies TextForm;

const MISREAD = {
  prefix: `an unlock key begins with ${FORM.prefix}`,
  length: 'this unlock key is too long or too short: after its beginning it has 14 groups of four characters',
  character: 'there is a character in this unlock key that none has',
  checksum: 'a character of this unlock key is wrong',
} as const satisfies Readonly<Record<Misread, string>>;

/** A new key of 256 bits. */
export function newUnlockKey(random: RandomBytes = randomBytes): SecretValue {
  return SecretValue.takeOver(random(KEY_BYTES));
}

/** The name by which files tell one unlock key from another: 16 hexadecimal digits of a hash of it. */
export function unlockKeyId(key: SecretValue): string {
  const digest = createHash('sha256').update('coffer unlock key id\0').update(key.expose()).digest();
  return digest.toString('hex', 0, KEY_ID_BYTES);
}

/** The prefix and 14 groups of four characters, as bytes that the caller wipes. */
export function formatUnlockKey(key: SecretValue): Buffer {
  invariant(key.byteLength === KEY_BYTES, 'an unlock key has 32 bytes');
  return toText(FORM, key.expose());
}

/**
 * Reads an unlock key as it was typed: case, blanks and hyphens do not matter, and I, L and O stand for 1, 1 and 0. Throws
 * `unlock.key-invalid` with what is wrong, and never with a word of it; a wrong character goes unnoticed once in 16 million.
 */
export function parseUnlockKey(text: Uint8Array): SecretValue {
  const read = fromText(FORM, text);
  if (typeof read === 'string') {
    throw new CofferError('unlock.key-invalid', MISREAD[read], {
      hint: 'Type it as docker coffer unlock-key has shown it.',
    });
  }
  return SecretValue.takeOver(read);
}
