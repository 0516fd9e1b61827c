// SPDX-License-Identifier: Apache-2.0
// What tells entries apart: two entries of the same index and term are the same, in all logs (paper, 5.3).
import type { Entry } from './types.ts';

export interface EntryId {
  readonly term: number;
  readonly index: number;
}

/**
 * Whether a log that ends with `id` has at least what one has that ends with `other`: terms decide before length
 * (paper, 5.4.1).
 */
export function isUpToDate(id: EntryId, other: EntryId): boolean {
  return id.term > other.term || (id.term === other.term && id.index >= other.index);
}

/** Whether entries follow on `previous` and on each other without a gap, with terms that never fall. */
export function isContiguous(previous: EntryId, entries: readonly Entry[]): boolean {
  let last = previous;
  for (const entry of entries) {
    if (entry.index !== last.index + 1 || entry.term < last.term) {
      return false;
    }
    last = entry;
  }
  return true;
}
