// SPDX-License-Identifier: Apache-2.0
// The fields that several records and commands have in common, as bytes.
import { type ByteReader, type ByteWriter, CofferError } from '../common/index.ts';
import { DESTROYED_KEPT, LABELS_BYTES_MAX } from './limits.ts';
import { type DestroyedVersion, type Labels, ORIGINS, type Origin } from './model.ts';

/** As many as there could be: one with no bytes at all, and others of one byte. */
const LABELS_MAX = LABELS_BYTES_MAX + 1;

/** Labels, as u32 count and then key and value in turn, sorted by key: equal labels have equal bytes. */
export function writeLabels(writer: ByteWriter, labels: Labels): void {
  const keys = Object.keys(labels).sort();
  writer.u32(keys.length);
  for (const key of keys) {
    writer.text(key).text(labels[key] ?? '');
  }
}

export function readLabels(reader: ByteReader): Labels {
  const count = readCount(reader, LABELS_MAX);
  // Object.fromEntries makes own properties only, so that a label `__proto__` is a label like any other.
  return Object.fromEntries(
    Array.from({ length: count }, () => [reader.text(LABELS_BYTES_MAX), reader.text(LABELS_BYTES_MAX)]),
  );
}

/** A u32 that says how many fields follow. Throws `store.damaged` for more than `limit`. */
export function readCount(reader: ByteReader, limit: number): number {
  const count = reader.u32();
  if (count > limit) {
    throw new CofferError('store.damaged', `a record holds a list of ${count} where ${limit} is the limit`);
  }
  return count;
}

export function readOrigin(reader: ByteReader): Origin {
  const origin = ORIGINS[reader.u8()];
  if (origin === undefined) {
    throw new CofferError('store.damaged', 'a record names an origin that this version cannot read');
  }
  return origin;
}

/** Versions that were destroyed, as u32 count and then the fields of each. */
export function writeDestroyed(writer: ByteWriter, destroyed: readonly DestroyedVersion[]): void {
  writer.u32(destroyed.length);
  for (const { createdAt_ms, destroyedAt_ms, number, size } of destroyed) {
    writer.u32(number).u64(createdAt_ms).u32(size).u64(destroyedAt_ms);
  }
}

export function readDestroyed(reader: ByteReader): readonly DestroyedVersion[] {
  const count = readCount(reader, DESTROYED_KEPT);
  return Array.from({ length: count }, () => ({
    number: reader.u32(),
    createdAt_ms: reader.u64(),
    size: reader.u32(),
    destroyedAt_ms: reader.u64(),
  }));
}

export function writeOptional<T>(
  writer: ByteWriter,
  value: T | undefined,
  write: (writer: ByteWriter, value: T) => unknown,
): void {
  writer.u8(value === undefined ? 0 : 1);
  if (value !== undefined) {
    write(writer, value);
  }
}

export function readOptional<T>(reader: ByteReader, read: (reader: ByteReader) => T): T | undefined {
  return reader.u8() === 1 ? read(reader) : undefined;
}
