// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';

const ID_LENGTH = 25;
const ID_ENTROPY_BYTES = 17;

/**
 * A new id of the engine's own form: 25 characters of base 36 out of 17 random bytes (swarmkit,
 * identity/randomid.go), of which some 129 bits remain.
 */
export function newSecretId(random: (size: number) => Buffer = randomBytes): string {
  const number = BigInt(`0x${random(ID_ENTROPY_BYTES).toString('hex')}`);
  return number.toString(36).padStart(ID_LENGTH, '0').slice(-ID_LENGTH);
}
