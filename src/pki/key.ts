// SPDX-License-Identifier: Apache-2.0
// The one kind of key: ECDSA on P-256, made, read and judged by node:crypto.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { CofferError, unreachable } from '../common/index.ts';

const KEY_IDENTIFIER_BYTES = 20;

/**
 * How the SubjectPublicKeyInfo of every P-256 key begins when its curve has a name and its point is not
 * compressed (RFC 5480). Only this form is taken, so that a key has one fingerprint.
 */
const SPKI_PREFIX = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');
const SPKI_BYTES = SPKI_PREFIX.length + 64;

/** A new P-256 private key. */
export function generateKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
}

/** PKCS#8 DER in the clear. The buffer is the caller's, who wipes it after use. */
export function exportKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'pkcs8' });
}

/**
 * Reads what `exportKey` wrote; throws `pki.certificate-invalid` unless it is a P-256 private key. The bytes are
 * copied into the key, so the caller wipes its buffer.
 */
export function importKey(pkcs8: Buffer): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    publicKeyInfo(key);
  } catch {
    // Without the cause: what OpenSSL says of the bytes helps nobody, and they are a key.
    throw new CofferError('pki.certificate-invalid', 'the private key is not a P-256 key in PKCS#8');
  }
  return key;
}

/** SHA-256 of the key's SubjectPublicKeyInfo, in hex; of a private key, of the public one that belongs to it. */
export function publicKeyFingerprint(key: KeyObject): string {
  return createHash('sha256').update(publicKeyInfo(key)).digest('hex');
}

/**
 * The id by which certificates name their own and their issuer's key: the first 20 bytes of the fingerprint
 * (RFC 7093, 2, method 4, cut as method 1 does), in hex.
 */
export function keyIdentifier(key: KeyObject): string {
  return publicKeyFingerprint(key).slice(0, KEY_IDENTIFIER_BYTES * 2);
}

/** The SubjectPublicKeyInfo, 91 bytes of DER. Throws `pki.certificate-invalid` for a key that is not on P-256. */
export function publicKeyInfo(key: KeyObject): Buffer {
  const info = asPublicKey(key)?.export({ format: 'der', type: 'spki' });
  if (info?.length !== SPKI_BYTES || !info.subarray(0, SPKI_PREFIX.length).equals(SPKI_PREFIX)) {
    throw new CofferError('pki.certificate-invalid', 'the key is not an uncompressed key on P-256');
  }
  return info;
}

function asPublicKey(key: KeyObject): KeyObject | undefined {
  switch (key.type) {
    case 'private':
      return createPublicKey(key);
    case 'public':
      return key;
    case 'secret':
      return undefined;
    default:
      return unreachable(key.type);
  }
}
