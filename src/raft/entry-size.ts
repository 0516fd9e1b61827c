// SPDX-License-Identifier: Apache-2.0
// How large an entry counts, wherever something is limited in bytes: messages, Readys, reads of the log.
import type { Entry } from './types.ts';

/** What an entry takes besides its data where it is written down: index, term, type and the length of the data. */
const ENTRY_OVERHEAD_BYTES = 8 + 8 + 1 + 4;

/** The bytes of an entry as it is encoded. */
export function entrySize(entry: Entry): number {
  return ENTRY_OVERHEAD_BYTES + entry.data.length;
}

export function entriesSize(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entrySize(entry), 0);
}

/** The bytes of an entry's data alone: 0 for the entries that the core itself makes, which no limit may refuse. */
export function payloadSize(entry: Entry): number {
  return entry.data.length;
}

export function payloadsSize(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + payloadSize(entry), 0);
}

/**
 * The first entries that fit into `maxBytes` together; the very first one even if it does not, or nothing would ever
 * move.
 */
export function limitSize(entries: readonly Entry[], maxBytes: number): readonly Entry[] {
  let size = 0;
  for (const [count, entry] of entries.entries()) {
    size += entrySize(entry);
    if (size > maxBytes && count > 0) {
      return entries.slice(0, count);
    }
  }
  return entries;
}
