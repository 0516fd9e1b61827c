// SPDX-License-Identifier: Apache-2.0
// The keys of the database. No name and no id of a secret stands in one: those are keyed hashes.
//
//   i   who the node is                    a             how far the state is applied, and its generation
//   h   the hard state                     l + u64       an entry of the log, by its index
//   m   where the retained log begins      g + u64 ...   a record of the state of that generation
import { u64Bytes, writeU64 } from '../common/index.ts';
import type { KeyRange } from './database.ts';

export const IDENTITY_KEY = Buffer.from('i');
export const HARD_STATE_KEY = Buffer.from('h');
export const LOG_START_KEY = Buffer.from('m');
export const APPLIED_KEY = Buffer.from('a');

const ENTRY_PREFIX = Buffer.from('l');
const GENERATION_PREFIX = Buffer.from('g');
const ENTRY_KEY_BYTES = ENTRY_PREFIX.length + 8;

export function entryKey(index: number): Buffer {
  const key = Buffer.allocUnsafe(ENTRY_KEY_BYTES);
  key.set(ENTRY_PREFIX);
  writeU64(key, index, ENTRY_PREFIX.length);
  return key;
}

export const ENTRY_RANGE: KeyRange = rangeOf('l');

/** What the keys of a generation of the state begin with: 9 bytes. */
export function generationPrefix(generation: number): Buffer {
  return Buffer.concat([GENERATION_PREFIX, u64Bytes(generation)]);
}

/** The keys of the generations from `first` (inclusive) to `before` (exclusive; absent: to the last there may be). */
export function generationRange(first: number, before?: number): KeyRange {
  return {
    from: generationPrefix(first),
    before: before === undefined ? rangeOf('g').before : generationPrefix(before),
  };
}

/** The generation that a key of the state belongs to. */
export function generationOf(key: Buffer): number {
  return Number(key.readBigUInt64BE(GENERATION_PREFIX.length));
}

/** All keys that begin with these characters. */
export function rangeOf(prefix: string): KeyRange {
  return rangeFrom(Buffer.from(prefix, 'latin1'));
}

/** All keys that begin with these bytes, the last of which is not 255. */
export function rangeFrom(prefix: Buffer): KeyRange {
  const before = Buffer.from(prefix);
  before[before.length - 1] = (before.at(-1) ?? 0) + 1;
  return { from: prefix, before };
}
