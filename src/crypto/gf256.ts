// SPDX-License-Identifier: Apache-2.0
// The field of 256 elements that AES uses too (x^8 + x^4 + x^3 + x + 1). No tables and no branches: how long it takes does
// not tell what was multiplied.

const REDUCTION = 0x1b;

export function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = a;
  for (let bit = 0; bit < 8; bit += 1) {
    product ^= shifted & -((b >> bit) & 1);
    shifted = ((shifted << 1) ^ (REDUCTION & -(shifted >> 7))) & 0xff;
  }
  return product;
}

/** a^254: the element that gives 1 when it is multiplied by `a`; 0 for 0. */
export function inverse(a: number): number {
  // 254 is 11111110 in binary.
  let power = a;
  let result = 1;
  for (let bit = 1; bit < 8; bit += 1) {
    power = multiply(power, power);
    result = multiply(result, power);
  }
  return result;
}
