// SPDX-License-Identifier: Apache-2.0
// The entries of a message: u32 count, then for each u64 index, u64 term, u8 type, u32 length, data. They come last in
// their message.
import { invariant } from '../../common/index.ts';
import { MESSAGE_LIMITS, type MessageLimits } from './codec-limits.ts';
import { invalidMessage, type MessageReader } from './codec-reader.ts';
import type { MessageWriter } from './codec-writer.ts';
import { entrySize } from '../entry-size.ts';
import { ENTRY_TYPES, type Entry, type EntryType } from '../types.ts';

const COUNT_BYTES = 4;
/** The least that an entry takes: `entrySize` of one without data. */
const ENTRY_BYTES_MIN = 21;

const ENTRY_TYPE_TAG = {
  EntryNormal: 0,
  EntryConfChange: 1,
  EntryConfChangeV2: 2,
} as const satisfies Record<EntryType, number>;

/** How many bytes `writeEntries` writes; throws `internal.invariant` beyond a limit. */
export function encodedEntriesSize(entries: readonly Entry[]): number {
  invariant(entries.length <= MESSAGE_LIMITS.entries, 'a message has no more entries than its limit');
  let size = COUNT_BYTES;
  for (const entry of entries) {
    invariant(
      entry.data.length <= MESSAGE_LIMITS.entryData_bytes,
      'an entry of a message has no more data than its limit',
    );
    size += entrySize(entry);
  }
  return size;
}

export function writeEntries(writer: MessageWriter, entries: readonly Entry[]): void {
  writer.u32(entries.length);
  for (const entry of entries) {
    writer.u64(entry.index);
    writer.u64(entry.term);
    writer.u8(ENTRY_TYPE_TAG[entry.type]);
    writer.bytes(entry.data);
  }
}

/**
 * Reads the entries that end a message.
 *
 * Their data are views into one copy of this part of the message. They must not be views into the message itself:
 * the network's buffers are used again, while entries stay, hold secrets and are wiped one by one when they have been
 * applied. And the copy is outside Node's shared pool, since what is left of a secret there would turn up in whatever
 * is allocated next. One copy serves all entries. It is filled only when all lengths were found right, and is never
 * larger than what was received.
 */
export function readEntries(reader: MessageReader, limits: MessageLimits): readonly Entry[] {
  const count = reader.count(limits.entries, ENTRY_BYTES_MIN, 'entries');
  const start = reader.offset;
  const received = reader.from(start);
  const copy = Buffer.allocUnsafeSlow(received.length);
  const entries: Entry[] = [];
  for (let read = 0; read < count; read += 1) {
    const index = reader.u64();
    const term = reader.u64();
    const type = readEntryType(reader);
    const data = reader.skipBytes(limits.entryData_bytes, 'data in an entry');
    entries.push({ index, term, type, data: copy.subarray(data.start - start, data.end - start) });
  }
  reader.finish();
  received.copy(copy);
  return entries;
}

function readEntryType(reader: MessageReader): EntryType {
  const type = ENTRY_TYPES[reader.u8()];
  if (type === undefined) {
    throw invalidMessage('holds an entry of a type that this version cannot read');
  }
  return type;
}
