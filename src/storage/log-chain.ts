// SPDX-License-Identifier: Apache-2.0
// Entries of the log as records: what is sealed, and how each is chained to the one before.
import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, CofferError, u64Bytes } from '../common/index.ts';
import { type Keyring, openRecord, sealRecord } from '../crypto/index.ts';
import { type Entry, ENTRY_TYPES } from '../raft/index.ts';
import { entryKey } from './places.ts';

export const LOG_DIGEST_BYTES = 32;

/** A point in the log: an entry, and the digest of the chain that ends with it. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
  readonly digest: Buffer;
}

/** The position that `entry` makes of the one before. It is over what the entry says, so it is the same on every node. */
export function positionAfter(previous: LogPosition, entry: Entry): LogPosition {
  const digest = createHash('sha256')
    .update(previous.digest)
    .update(u64Bytes(entry.index))
    .update(u64Bytes(entry.term))
    .update(Buffer.of(ENTRY_TYPES.indexOf(entry.type)))
    .update(entry.data)
    .digest();
  return { index: entry.index, term: entry.term, digest };
}

/** Seals for its index: u64 term, u8 type, the digest of the chain before it, and the data. */
export function sealEntry(keyring: Keyring, previous: LogPosition, entry: Entry): Buffer {
  const payload = new ByteWriter()
    .u64(entry.term)
    .u8(ENTRY_TYPES.indexOf(entry.type))
    .fixed(previous.digest)
    .fixed(entry.data)
    .finish();
  const record = sealRecord(keyring, entryKey(entry.index), payload);
  payload.fill(0);
  return record;
}

/** Opens the entry that follows on `previous`. Throws `store.damaged` with its index if it does not. */
export function openEntry(keyring: Keyring, previous: LogPosition, record: Buffer): Entry {
  const index = previous.index + 1;
  const what = nameOfEntry(index);
  const payload = openRecord(keyring, entryKey(index), record, what);
  const reader = new ByteReader(payload, what);
  const term = reader.u64();
  const type = ENTRY_TYPES[reader.u8()];
  const chained = reader.fixed(LOG_DIGEST_BYTES).equals(previous.digest);
  const data = reader.rest();
  if (type === undefined || !chained || term < previous.term) {
    data.fill(0);
    const how = type === undefined ? 'has an unknown type' : 'does not follow on the entry before it';
    throw new CofferError('store.damaged', `${what} ${how}`);
  }
  return { index, term, type, data };
}

export function nameOfEntry(index: number): string {
  return `entry ${index} of the log`;
}
