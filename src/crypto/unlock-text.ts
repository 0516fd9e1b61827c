// SPDX-License-Identifier: Apache-2.0
import type { SecretValue } from '../common/index.ts';
import { combineKeyShares, isKeyShare } from './key-shares.ts';
import { parseUnlockKey } from './unlock-key.ts';

const NEWLINE = 0x0a;

/**
 * The unlock key from what was given for it: the key, or shares of it with each on a line of its own. Throws
 * `unlock.key-invalid` and `unlock.shares-invalid`. The caller wipes the text, and the key.
 */
export function readUnlockText(text: Buffer): SecretValue {
  return isKeyShare(text) ? combineKeyShares(linesOf(text)) : parseUnlockKey(text);
}

/** Views of those that are not blank. */
function linesOf(text: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf(NEWLINE, start);
    const end = found < 0 ? text.length : found;
    lines.push(text.subarray(start, end));
    start = end + 1;
  }
  return lines.filter((line) => line.some((byte) => byte > 0x20));
}
