// SPDX-License-Identifier: Apache-2.0
// Big-endian numbers of a fixed size as digits of base 36 (0-9, a-z), padded to a fixed length.

const RADIX = 36;

export function encodeBase36(bytes: Uint8Array, digits: number): string {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
    .toString(RADIX)
    .padStart(digits, '0');
}

/** undefined for other characters, and for a number that `size` bytes cannot hold. The text's length is for the caller to bound. */
export function decodeBase36(text: string, size: number): Buffer | undefined {
  if (!/^[0-9a-z]+$/.test(text)) {
    return undefined;
  }
  let number = 0n;
  for (const digit of text) {
    number = number * BigInt(RADIX) + BigInt(Number.parseInt(digit, RADIX));
  }
  const hex = number.toString(16).padStart(size * 2, '0');
  return hex.length > size * 2 ? undefined : Buffer.from(hex, 'hex');
}
