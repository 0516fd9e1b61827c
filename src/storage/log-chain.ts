// SPDX-License-Identifier: Apache-2.0
// Entries of the log as records: what is sealed, and how each is chained to the one before.
import { hash } from 'node:crypto';
import { ByteReader, type ByteWriter, CofferError } from '../common/index.ts';
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

/** An entry with what makes it the next one of its log. */
export interface ChainedEntry {
  readonly entry: Entry;
  readonly position: LogPosition;
}

/**
 * The record of the entry that follows on `previous`, and the position that it makes: the digest is over what the record
 * holds, so it is the same on every node. Sealed for its index: the digest of the chain before it (32 bytes), u64 index,
 * u64 term, u8 type, and the data. `writer` is empty, and is cleared again.
 */
export function sealEntry(
  keyring: Keyring,
  writer: ByteWriter,
  previous: LogPosition,
  entry: Entry,
): { readonly record: Buffer; readonly position: LogPosition } {
  const { index, term, type, data } = entry;
  const content = writer
    .fixed(previous.digest)
    .u64(index)
    .u64(term)
    .u8(ENTRY_TYPES.indexOf(type))
    .fixed(data)
    .finish();
  const record = sealRecord(keyring, entryKey(index), content);
  const position = { index, term, digest: digestOf(content) };
  writer.clear();
  return { record, position };
}

/** Opens the entry that follows on `previous`. Throws `store.damaged` with its index if it does not. */
export function openEntry(keyring: Keyring, previous: LogPosition, record: Buffer): ChainedEntry {
  const index = previous.index + 1;
  const what = nameOfEntry(index);
  const content = openRecord(keyring, entryKey(index), record, what);
  const reader = new ByteReader(content, what);
  const chained = reader.fixed(LOG_DIGEST_BYTES).equals(previous.digest);
  const inPlace = reader.u64() === index;
  const term = reader.u64();
  const type = ENTRY_TYPES[reader.u8()];
  const data = reader.rest();
  if (type === undefined || !chained || !inPlace || term < previous.term) {
    data.fill(0);
    const how = type === undefined ? 'has an unknown type' : 'does not follow on the entry before it';
    throw new CofferError('store.damaged', `${what} ${how}`);
  }
  return { entry: { index, term, type, data }, position: { index, term, digest: digestOf(content) } };
}

function digestOf(content: Buffer): Buffer {
  // By way of a string: memory that OpenSSL's side hands over costs more than all of the hashing. And small enough to lie in
  // V8's heap: a slice of Node's pool would keep all of its piece for as long as the entry is retained.
  const digest = Buffer.alloc(LOG_DIGEST_BYTES);
  digest.write(hash('sha256', content, 'binary'), 'binary');
  return digest;
}

export function nameOfEntry(index: number): string {
  return `entry ${index} of the log`;
}
