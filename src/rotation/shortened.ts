// SPDX-License-Identifier: Apache-2.0
import { PROBLEM_BYTES_MAX } from '../secrets/index.ts';

/** A sentence in one line, as long as a rotation keeps it: it ends at the end of a character. */
export function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  if (Buffer.byteLength(line) <= PROBLEM_BYTES_MAX) {
    return line;
  }
  const kept = Buffer.from(line)
    .subarray(0, PROBLEM_BYTES_MAX - 8)
    .toString()
    .replace(/\ufffd$/, '');
  return `${kept}...`;
}
