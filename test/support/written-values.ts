// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/** Every value begins with it, so that a value in the clear is found by one search. */
export const VALUE_CANARY = 'CANARY-VALUE-';

/** The value that the store writer stores under a name: 64 bytes to some kilobytes, made from the name alone. */
export function valueOf(name: string): Buffer {
  const digest = createHash('sha256').update(name).digest();
  const repeats = 1 + (digest.readUInt8(0) < 16 ? 100 : digest.readUInt8(0) % 8);
  return Buffer.concat([
    Buffer.from(VALUE_CANARY),
    ...Array.from({ length: repeats }, (_, part) =>
      createHash('sha512').update(digest).update(`${part}`).digest(),
    ),
  ]);
}
