// SPDX-License-Identifier: Apache-2.0
// The key pairs to which values are sealed: X25519, as NaCl's box has them.
import { createHash, randomBytes } from 'node:crypto';
import { KEY_BYTES, publicKeyOf, type RandomBytes } from '../crypto/index.ts';

export const SEALING_KEY_ID_BYTES = 8;

/** What opens values that were sealed to it. */
export interface SealingKey {
  /** `sealingKeyId` of its public key. */
  readonly id: string;
  /** 32 bytes. Never shown, logged or wiped: it is needed as long as anything is sealed to it. */
  readonly secretKey: Buffer;
  /** The cluster in which it was made; another one has it that was restored from a backup. */
  readonly clusterId: string;
  readonly madeAt_ms: number;
}

export function newSealingKey(
  clusterId: string,
  madeAt_ms: number,
  random: RandomBytes = randomBytes,
): SealingKey {
  const secretKey = random(KEY_BYTES);
  return { id: sealingKeyId(publicKeyOf(secretKey)), secretKey, clusterId, madeAt_ms };
}

/** SHA-256 of the public key, in hexadecimal: what is compared by eye. */
export function sealingKeyDigest(publicKey: Uint8Array): string {
  return createHash('sha256').update('coffer sealing key\0').update(publicKey).digest('hex');
}

/** The name by which sealed values tell one key from another: the first 16 hexadecimal digits of the digest. */
export function sealingKeyId(publicKey: Uint8Array): string {
  return sealingKeyDigest(publicKey).slice(0, 2 * SEALING_KEY_ID_BYTES);
}
