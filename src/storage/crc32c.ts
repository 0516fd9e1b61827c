// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), as LevelDB's tables carry it. Node.js offers CRC-32 alone, which is another polynomial.

const POLYNOMIAL_REVERSED = 0x82f63b78;
const SLICE_BYTES = 8;
const TABLE_LENGTH = 256;

/**
 * Eight tables in one: entry `256 * n + byte` is what the byte does to the remainder when n bytes follow on it
 * ("slicing by 8", Kounavis and Berry, 2008).
 */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(SLICE_BYTES * TABLE_LENGTH);
  for (let byte = 0; byte < TABLE_LENGTH; byte += 1) {
    let remainder = byte;
    for (let table = 0; table < SLICE_BYTES; table += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL_REVERSED : 0);
      }
      tables[table * TABLE_LENGTH + byte] = remainder;
    }
  }
  return tables;
}

function effect(table: number, byte: number): number {
  return TABLES[table * TABLE_LENGTH + (byte & 0xff)] ?? 0;
}

/** The CRC-32C of `bytes`, as an unsigned integer. */
export function crc32c(bytes: Uint8Array): number {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let crc = -1;
  let offset = 0;
  for (; offset + SLICE_BYTES <= length; offset += SLICE_BYTES) {
    const low = crc ^ view.getInt32(offset, true);
    const high = view.getInt32(offset + 4, true);
    crc =
      effect(7, low) ^
      effect(6, low >>> 8) ^
      effect(5, low >>> 16) ^
      effect(4, low >>> 24) ^
      effect(3, high) ^
      effect(2, high >>> 8) ^
      effect(1, high >>> 16) ^
      effect(0, high >>> 24);
  }
  for (; offset < length; offset += 1) {
    crc = (crc >>> 8) ^ effect(0, crc ^ (bytes[offset] ?? 0));
  }
  return ~crc >>> 0;
}
