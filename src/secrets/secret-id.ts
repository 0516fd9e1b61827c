// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';

const ID_LENGTH = 25;
const ID_ENTROPY_BYTES = 17;
const WORD_BYTES = 4;
const WORD_LIMIT = 2 ** 32;

/**
 * A new id of the engine's own form: 25 characters of base 36 out of 17 random bytes (swarmkit,
 * identity/randomid.go), of which some 129 bits remain.
 */
export function newSecretId(random: (size: number) => Buffer = randomWords): string {
  const number = BigInt(`0x${random(ID_ENTROPY_BYTES).toString('hex')}`);
  return number.toString(36).padStart(ID_LENGTH, '0').slice(-ID_LENGTH);
}

/** Random bytes by way of `randomInt`, which draws many at a time: asking the system costs more than all of an id. */
function randomWords(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.ceil(size / WORD_BYTES) * WORD_BYTES);
  for (let at = 0; at < size; at += WORD_BYTES) {
    bytes.writeUInt32BE(randomInt(WORD_LIMIT), at);
  }
  return bytes.subarray(0, size);
}
