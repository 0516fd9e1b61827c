// SPDX-License-Identifier: Apache-2.0
// How long a value is made before it is sealed, so that the text tells little of how long it is.

/** All passwords and most keys look alike. */
const PADDED_BYTES_MIN = 256;

/**
 * The length to which a value of `size_bytes` is padded: 256 bytes at least, and then the next length of few significant bits
 * (Padmé: Nikitin and others, "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019), which
 * adds an eighth at most.
 */
export function paddedSize(size_bytes: number): number {
  if (size_bytes <= PADDED_BYTES_MIN) {
    return PADDED_BYTES_MIN;
  }
  const exponent = Math.floor(Math.log2(size_bytes));
  const significantBits = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** (exponent - significantBits);
  return Math.ceil(size_bytes / step) * step;
}
