// SPDX-License-Identifier: Apache-2.0
// Base64 as Go's base64.StdEncoding reads it (src/encoding/base64/base64.go): padded, line ends skipped, and
// an error that names the offset Go would name. Bytes in, bytes out: a value never becomes a string.

/** Says in Go's words where base64 is broken. */
export class GoBase64Error extends Error {
  override readonly name = 'GoBase64Error';

  constructor(offset: number) {
    super(`illegal base64 data at input byte ${offset}`);
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const NOT_IN_ALPHABET = 0xff;
const PADDING = 0x3d;

const SIXTETS = Uint8Array.from({ length: 256 }, (_unused, byte) => {
  const sixtet = ALPHABET.indexOf(String.fromCharCode(byte));
  return sixtet === -1 ? NOT_IN_ALPHABET : sixtet;
});

/** Decodes into memory of its own, which the caller owns and wipes. Throws `GoBase64Error`. */
export function decodeBase64(text: Uint8Array): Buffer {
  const decoded = Buffer.alloc(Math.ceil((text.length * 3) / 4));
  try {
    const size = decodeInto(decoded, text);
    return decoded.subarray(0, size);
  } catch (thrown) {
    decoded.fill(0);
    throw thrown;
  }
}

function decodeInto(decoded: Buffer, text: Uint8Array): number {
  let size = 0;
  let group = 0;
  let filled = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0;
    const sixtet = SIXTETS[byte] ?? NOT_IN_ALPHABET;
    if (sixtet !== NOT_IN_ALPHABET) {
      group = (group << 6) | sixtet;
      filled += 1;
      if (filled === 4) {
        size = append(decoded, size, group, 3);
        group = 0;
        filled = 0;
      }
    } else if (byte === PADDING) {
      checkPadding(text, at, filled);
      return filled === 2 ? append(decoded, size, group << 12, 1) : append(decoded, size, group << 6, 2);
    } else if (!isLineEnd(byte)) {
      throw new GoBase64Error(at);
    }
  }
  if (filled > 0) {
    throw new GoBase64Error(text.length - filled);
  }
  return size;
}

/** At the first `=`: a group of two needs one more, a group of three none, and nothing may follow. */
function checkPadding(text: Uint8Array, at: number, filled: number): void {
  if (filled < 2) {
    throw new GoBase64Error(at);
  }
  let next = skipLineEnds(text, at + 1);
  if (filled === 2) {
    if (next === text.length) {
      throw new GoBase64Error(text.length);
    }
    if (text[next] !== PADDING) {
      throw new GoBase64Error(next - 1);
    }
    next = skipLineEnds(text, next + 1);
  }
  if (next < text.length) {
    throw new GoBase64Error(next);
  }
}

function append(decoded: Buffer, size: number, group: number, count: number): number {
  for (let index = 0; index < count; index += 1) {
    decoded[size + index] = (group >> (16 - 8 * index)) & 0xff;
  }
  return size + count;
}

function skipLineEnds(text: Uint8Array, from: number): number {
  let at = from;
  while (at < text.length && isLineEnd(text[at] ?? 0)) {
    at += 1;
  }
  return at;
}

function isLineEnd(byte: number): boolean {
  return byte === 0x0a || byte === 0x0d;
}
