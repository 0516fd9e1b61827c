// SPDX-License-Identifier: Apache-2.0
// The little of POSIX ustar that an engine needs to make an image of a few files.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { CofferError } from '../common/index.ts';

const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;

export interface ArchivedFile {
  /** Where its bytes are. */
  readonly source: string;
  /** Its path in the archive, without a slash before it. */
  readonly name: string;
}

/** The files as an archive, each for all to read and run, in the pieces in which they are read. */
export async function* tarOf(files: readonly ArchivedFile[]): AsyncGenerator<Buffer> {
  for (const { name, source } of files) {
    const { size } = await stat(source);
    yield fileHeader(name, size);
    let read_bytes = 0;
    for await (const chunk of createReadStream(source, { highWaterMark: 1024 * 1024 })) {
      const bytes = Buffer.from(chunk);
      read_bytes += bytes.length;
      yield bytes;
    }
    if (read_bytes !== size) {
      throw new CofferError('internal.unexpected', 'a file of the runtime has changed while it was read');
    }
    yield Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

/** Pure. */
export function fileHeader(name: string, size_bytes: number): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
    throw new CofferError(
      'import.refused',
      `the path of a file of the runtime has more than ${NAME_BYTES_MAX} bytes`,
    );
  }
  const header = Buffer.alloc(BLOCK_BYTES);
  const field = (text: string, offset: number): void => void header.write(text, offset);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  field(name, 0);
  field(octal(0o555, 7), 100);
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
