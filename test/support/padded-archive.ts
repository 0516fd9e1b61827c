// SPDX-License-Identifier: Apache-2.0
import { fileHeader } from '../../src/import/tar.ts';

const BLOCK_BYTES = 512;
const CHUNK_BYTES = 1024 * 1024;

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
