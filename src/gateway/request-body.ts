// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { CofferError } from '../common/index.ts';

/** What the engine itself takes is below 4 MiB once decoded, which is some 5.6 MB of base64. */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;

/** So much of a body that is too large is read and dropped, so that its sender sees the answer. */
const DRAIN_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Reads a request's body into memory that the caller owns and wipes; the chunks that it came in are wiped here.
 * Throws `request.too-large` beyond `BODY_BYTES_MAX`, and `request.invalid` if the client leaves before its end.
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size <= BODY_BYTES_MAX) {
        chunks.push(bytes);
        continue;
      }
      wipe(chunks);
      bytes.fill(0);
      if (size > DRAIN_BYTES_MAX) {
        break;
      }
    }
  } catch (cause) {
    wipe(chunks);
    throw new CofferError('request.invalid', 'the request ended before its body did', { cause });
  }
  if (size > BODY_BYTES_MAX) {
    throw new CofferError('request.too-large', `a request on secrets has at most ${BODY_BYTES_MAX} bytes`);
  }
  const body = Buffer.alloc(size);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  wipe(chunks);
  return body;
}

function wipe(chunks: Buffer[]): void {
  for (const chunk of chunks.splice(0)) {
    chunk.fill(0);
  }
}
