// SPDX-License-Identifier: Apache-2.0
import type { Readable } from 'node:stream';
import type { CommandError } from './command-error.ts';

/** All that the stream has. The caller wipes the buffer; what it was put together from is wiped here. Throws `tooLarge()` beyond the bound. */
export async function readAll(
  stream: Readable,
  size_bytes_max: number,
  tooLarge: () => CommandError,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size_bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer | string>) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      chunks.push(bytes);
      size_bytes += bytes.length;
      if (size_bytes > size_bytes_max) {
        throw tooLarge();
      }
    }
    return Buffer.concat(chunks);
  } finally {
    for (const chunk of chunks) {
      chunk.fill(0);
    }
  }
}
