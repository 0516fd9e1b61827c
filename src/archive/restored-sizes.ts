// SPDX-License-Identifier: Apache-2.0
// How much of a secret goes into one command, and how much all of it is.
import type { BackedUpSecret } from '../backup/index.ts';
import { RESTORED_BYTES_MAX, type RestoredVersion } from '../secrets/index.ts';

/** What a label takes besides its characters. */
const LABEL_BYTES = 8;

/** The versions in groups that one command can hold: the newest group first, and each of them ascending. */
export function groupsOf(versions: readonly RestoredVersion[]): readonly (readonly RestoredVersion[])[] {
  const groups: RestoredVersion[][] = [];
  let size_bytes = Number.POSITIVE_INFINITY;
  for (const version of versions.toReversed()) {
    size_bytes += version.value.byteLength;
    if (size_bytes > RESTORED_BYTES_MAX) {
      groups.push([]);
      size_bytes = version.value.byteLength;
    }
    groups.at(-1)?.unshift(version);
  }
  return groups;
}

/** Bytes of its values and labels. */
export function sizeOf({ labels, versions }: BackedUpSecret): number {
  const values_bytes = versions.reduce((sum, { size }) => sum + size, 0);
  return Object.entries(labels).reduce(
    (sum, [key, value]) => sum + LABEL_BYTES + Buffer.byteLength(key) + Buffer.byteLength(value),
    values_bytes,
  );
}
