// SPDX-License-Identifier: Apache-2.0
import { BOX_BYTES_MAX, BOX_OVERHEAD_BYTES, ChunkCipher } from './chunk-cipher.ts';
import type { ExactReader } from './exact-reader.ts';
import { CHUNK_BYTES, damagedBackup } from './format.ts';
import { LAST_CHUNK_FLAG } from './seal-chunks.ts';
import type { CofferError } from '../common/index.ts';

const LENGTH_BYTES = 4;
/** So many numbers to each side a chunk is tried under that does not open in its place, to say where it comes from. */
const NEIGHBOURS = 64;

interface Chunk {
  readonly number: number;
  readonly last: boolean;
  readonly box: Buffer;
  /** Where in the file it stands. */
  readonly at_bytes: number;
}

/**
 * The content of the chunks that `source` holds from here to its end, each wiped when the next one is asked for. Throws
 * `backup.damaged` as soon as a chunk is not what was sealed for its place, with what became of it; and what came before is
 * no whole content then.
 */
export async function* openChunks(payloadKey: Buffer, source: ExactReader): AsyncGenerator<Buffer> {
  const cipher = new ChunkCipher(payloadKey);
  for (let number = 0, last = false; !last; number += 1) {
    const chunk = await readChunk(source, number);
    ({ last } = chunk);
    const content = cipher.open(number, last, chunk.box);
    if (content === undefined) {
      throw explained(cipher, chunk);
    }
    try {
      // A chunk in the middle is full: there is one way only to cut a content into chunks.
      if (!last && content.length !== CHUNK_BYTES) {
        throw damagedBackup(`has a chunk ${number} that is not full`);
      }
      yield content;
    } finally {
      content.fill(0);
    }
  }
  if (!(await source.atEnd())) {
    throw damagedBackup(`goes on after its end, from byte ${source.offset_bytes} on`);
  }
}

async function readChunk(source: ExactReader, number: number): Promise<Chunk> {
  const at_bytes = source.offset_bytes;
  const length = await source.read(LENGTH_BYTES);
  if (length.length < LENGTH_BYTES) {
    throw damagedBackup(`was cut off after byte ${source.offset_bytes}: its last chunk is missing`);
  }
  const word = length.readUInt32BE();
  const last = word >= LAST_CHUNK_FLAG;
  const size_bytes = last ? word - LAST_CHUNK_FLAG : word;
  if (size_bytes > BOX_BYTES_MAX || size_bytes < BOX_OVERHEAD_BYTES) {
    throw damagedBackup(`was altered in chunk ${number}, at byte ${at_bytes}: no chunk has that length`);
  }
  const box = await source.read(size_bytes);
  if (box.length < size_bytes) {
    throw damagedBackup(`was cut off after byte ${source.offset_bytes}, within chunk ${number}`);
  }
  return { number, last, box, at_bytes };
}

/** What became of a chunk that does not open. */
function explained(cipher: ChunkCipher, { number, last, box, at_bytes }: Chunk): CofferError {
  const first = Math.max(0, number - NEIGHBOURS);
  for (let other = first; other <= number + NEIGHBOURS; other += 1) {
    const content = other === number ? undefined : cipher.open(other, last, box);
    if (content !== undefined) {
      content.fill(0);
      const how = other < number ? 'comes again or too late' : 'comes too early';
      return damagedBackup(
        `was put together anew: where chunk ${number} belongs, at byte ${at_bytes}, chunk ${other} ${how}`,
      );
    }
  }
  return damagedBackup(`was altered in chunk ${number}, at byte ${at_bytes} or after it`);
}
