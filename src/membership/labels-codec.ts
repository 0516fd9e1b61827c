// SPDX-License-Identifier: Apache-2.0
// Labels as bytes: u8 count, and then key and value in turn, in the order of the keys, so that the same labels have the same bytes
// however they were typed.
import { type ByteReader, type ByteWriter, CofferError } from '../common/index.ts';
import { TEXT_BYTES_MAX } from './model.ts';

type Labels = Readonly<Record<string, string>>;

export function writeLabels(writer: ByteWriter, labels: Labels): ByteWriter {
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  writer.u8(pairs.length);
  pairs.forEach(([key, value]) => writer.text(key).text(value));
  return writer;
}

/** Throws `store.damaged` for more than `max`. */
export function readLabels(reader: ByteReader, max: number): Labels {
  const count = reader.u8();
  if (count > max) {
    throw new CofferError('store.damaged', `an object of the cluster names ${count} labels of a kind`);
  }
  const pairs = Array.from({ length: count }, (): readonly [string, string] => [
    reader.text(TEXT_BYTES_MAX),
    reader.text(TEXT_BYTES_MAX),
  ]);
  return Object.fromEntries(pairs);
}
