// SPDX-License-Identifier: Apache-2.0

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1');
const PADDING = 0x3d;
const BITS = 6;

export function base64Length(size_bytes: number): number {
  return Math.ceil(size_bytes / 3) * 4;
}

/**
 * Writes `bytes` into `target` from `offset` on, in base64 (RFC 4648, padded). Node's own way makes a string of them, which nobody
 * can wipe.
 */
export function writeBase64(target: Buffer, offset: number, bytes: Uint8Array): void {
  let at = offset;
  for (let from = 0; from < bytes.length; from += 3) {
    const left = bytes.length - from;
    const word = ((bytes[from] ?? 0) << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    target[at] = digit(word, 3);
    target[at + 1] = digit(word, 2);
    target[at + 2] = left > 1 ? digit(word, 1) : PADDING;
    target[at + 3] = left > 2 ? digit(word, 0) : PADDING;
    at += 4;
  }
}

/** The digit at this place, from the right. */
function digit(word: number, place: number): number {
  return ALPHABET[(word >> (BITS * place)) & 0x3f] ?? 0;
}
