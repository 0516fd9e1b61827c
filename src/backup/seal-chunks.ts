// SPDX-License-Identifier: Apache-2.0
import { ChunkCipher } from './chunk-cipher.ts';
import { CHUNK_BYTES } from './format.ts';

const LENGTH_BYTES = 4;
/** What a chunk's length is written with where the chunk is the last one. */
export const LAST_CHUNK_FLAG = 0x8000_0000;

/**
 * The chunks of a payload, of whatever pieces its content comes in; these stay the caller's. One chunk is in memory. What
 * breaks off before its end, since `content` threw, has no last chunk, and cannot be taken for a whole one.
 */
export async function* sealChunks(
  payloadKey: Buffer,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const cipher = new ChunkCipher(payloadKey);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let used = 0;
  let number = 0;
  try {
    for await (const piece of content) {
      let rest = piece;
      while (rest.length > 0) {
        // Only when more comes is it known that a full chunk is not the last one.
        if (used === CHUNK_BYTES) {
          yield framed(cipher.seal(number, false, chunk), false);
          number += 1;
          used = 0;
        }
        const taken = rest.subarray(0, CHUNK_BYTES - used);
        chunk.set(taken, used);
        used += taken.length;
        rest = rest.subarray(taken.length);
      }
    }
    yield framed(cipher.seal(number, true, chunk.subarray(0, used)), true);
  } finally {
    chunk.fill(0);
  }
}

function framed(box: Buffer, last: boolean): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE((last ? LAST_CHUNK_FLAG : 0) + box.length);
  return Buffer.concat([length, box]);
}
