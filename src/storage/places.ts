// SPDX-License-Identifier: Apache-2.0
// The keys of the database. No name and no id of a secret stands in one: those are keyed hashes.
//
//   i             who the node is                 l + u64 index   an entry of the log
//   h             the hard state                  s + hash        a secret's metadata
//   m             where the retained log begins   v + hash        the value of one version
//   a             how far the state is applied    d + u32 slot    a delivery
import { u64Bytes } from '../common/index.ts';
import type { KeyRange } from './database.ts';

export const IDENTITY_KEY = Buffer.from('i');
export const HARD_STATE_KEY = Buffer.from('h');
export const LOG_START_KEY = Buffer.from('m');
export const APPLIED_KEY = Buffer.from('a');

const ENTRY_PREFIX = Buffer.from('l');

export function entryKey(index: number): Buffer {
  return Buffer.concat([ENTRY_PREFIX, u64Bytes(index)]);
}

export const ENTRY_RANGE: KeyRange = rangeOf('l');

/** All keys that begin with one character. */
export function rangeOf(prefix: string): KeyRange {
  const from = Buffer.from(prefix, 'latin1');
  const before = Buffer.from(from);
  before[before.length - 1] = (before.at(-1) ?? 0) + 1;
  return { from, before };
}
