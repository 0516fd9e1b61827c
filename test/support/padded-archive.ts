// SPDX-License-Identifier: Apache-2.0

const BLOCK_BYTES = 512;
const CHUNK_BYTES = 1024 * 1024;

/** The header of a regular file in a tar archive (POSIX ustar). */
function fileHeader(name: string, size_bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const field = (text: string, offset: number): void => void header.write(text, offset, 'latin1');
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  field(name, 0);
  field(octal(0o644, 7), 100);
  field(octal(0, 7), 108);
  field(octal(0, 7), 116);
  field(octal(size_bytes, 11), 124);
  field(octal(0, 11), 136);
  field(' '.repeat(8), 148);
  field('0', 156);
  field('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  field(`${octal(sum, 6)} `, 148);
  return header;
}

/** A tar archive with a file of zeros before all that it holds: as large as wished, and never in memory. */
export function* paddedArchive(archive: Buffer, padding_bytes: number): Generator<Buffer> {
  yield fileHeader('padding', padding_bytes);
  const zeros = Buffer.alloc(CHUNK_BYTES);
  for (let left = padding_bytes; left > 0; left -= CHUNK_BYTES) {
    yield zeros.subarray(0, Math.min(left, CHUNK_BYTES));
  }
  yield Buffer.alloc((BLOCK_BYTES - (padding_bytes % BLOCK_BYTES)) % BLOCK_BYTES);
  yield archive;
}
