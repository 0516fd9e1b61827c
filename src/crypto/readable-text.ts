// SPDX-License-Identifier: Apache-2.0
// Keys as text that is read aloud and typed again: a prefix, and groups of Crockford's base 32
// (https://www.crockford.com/base32.html) with a checksum at their end.
import { createHash, timingSafeEqual } from 'node:crypto';
import { invariant } from '../common/index.ts';

const ALPHABET = Buffer.from('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 'latin1');
const BITS = 5;
const GROUP_CHARACTERS = 4;
const HYPHEN = 0x2d;
/** Much more than any such text has, with the white space around it. */
const TEXT_BYTES_MAX = 1_024;

export interface TextForm {
  /** `COFFER-UNLOCK-1-`: what it is, and the version of its form. */
  readonly prefix: string;
  readonly payload_bytes: number;
  /** How much of a SHA-256 of prefix and payload follows. With the payload it must be a multiple of five. */
  readonly checksum_bytes: number;
}

/** Why a text is none of its form; it is never quoted, since most of it may be right. */
export type Misread = 'prefix' | 'length' | 'character' | 'checksum';

/** The text, as bytes that the caller wipes. */
export function toText(form: TextForm, payload: Uint8Array): Buffer {
  const content = Buffer.concat([payload, checksumOf(form, payload)]);
  invariant(payload.length === form.payload_bytes && content.length % BITS === 0, 'a text has whole groups');
  const characters = (content.length * 8) / BITS;
  const text = Buffer.alloc(form.prefix.length + characters + Math.ceil(characters / GROUP_CHARACTERS) - 1);
  let length = text.write(form.prefix, 'latin1');
  for (let character = 0; character < characters; character += 1) {
    if (character > 0 && character % GROUP_CHARACTERS === 0) {
      length = text.writeUInt8(HYPHEN, length);
    }
    length = text.writeUInt8(ALPHABET[fiveBits(content, character * BITS)] ?? 0, length);
  }
  content.fill(0);
  return text;
}

/**
 * Reads what `toText` wrote, however it was typed: case, blanks and hyphens do not matter, and I, L and O are read as 1, 1
 * and 0. The payload is the caller's, who wipes it. One wrong character is noticed unless the checksum of other bytes
 * happens to be the same.
 */
export function fromText(form: TextForm, text: Uint8Array): Buffer | Misread {
  const typed = folded(text.subarray(0, TEXT_BYTES_MAX));
  const prefix = folded(Buffer.from(form.prefix, 'latin1'));
  try {
    if (!typed.subarray(0, prefix.length).equals(prefix)) {
      return 'prefix';
    }
    return payloadOf(form, typed.subarray(prefix.length));
  } finally {
    typed.fill(0);
  }
}

function payloadOf(form: TextForm, characters: Buffer): Buffer | Misread {
  const content = Buffer.alloc(form.payload_bytes + form.checksum_bytes);
  if (characters.length * BITS !== content.length * 8) {
    return 'length';
  }
  let bits = 0;
  let pending = 0;
  let length = 0;
  for (const character of characters) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) {
      content.fill(0);
      return 'character';
    }
    pending = ((pending << BITS) | value) & 0xfff;
    bits += BITS;
    if (bits >= 8) {
      bits -= 8;
      length = content.writeUInt8((pending >> bits) & 0xff, length);
    }
  }
  const payload = Buffer.alloc(form.payload_bytes);
  content.copy(payload);
  const isWhole = timingSafeEqual(content.subarray(form.payload_bytes), checksumOf(form, payload));
  content.fill(0);
  if (!isWhole) {
    payload.fill(0);
    return 'checksum';
  }
  return payload;
}

/** Without blanks and hyphens, in capitals, and with the digits that some letters stand for. */
function folded(text: Uint8Array): Buffer {
  const result = Buffer.alloc(text.length);
  let length = 0;
  for (const byte of text) {
    if (byte !== HYPHEN && byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) {
      result[length] = foldedCharacter(byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte);
      length += 1;
    }
  }
  return result.subarray(0, length);
}

function foldedCharacter(character: number): number {
  switch (character) {
    case 0x49: // I
    case 0x4c: // L
      return 0x31;
    case 0x4f: // O
      return 0x30;
    default:
      return character;
  }
}

function fiveBits(bytes: Buffer, bit: number): number {
  const first = bit >> 3;
  const both = ((bytes[first] ?? 0) << 8) | (bytes[first + 1] ?? 0);
  return (both >> (16 - BITS - (bit & 7))) & 0x1f;
}

function checksumOf({ prefix, checksum_bytes }: TextForm, payload: Uint8Array): Buffer {
  return createHash('sha256').update(prefix).update(payload).digest().subarray(0, checksum_bytes);
}
