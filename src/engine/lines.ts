// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';

const NEWLINE = 0x0a;

/**
 * The lines of a stream, however its chunks are cut; empty ones and an unfinished last one are left out. A line
 * longer than `limit_bytes` throws `engine.refused`.
 */
export async function* linesOf(chunks: AsyncIterable<unknown>, limit_bytes: number): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (!(bytes instanceof Uint8Array)) {
      throw new CofferError('internal.invariant', 'a stream of lines holds something that is not bytes');
    }
    rest = Buffer.concat([rest, bytes]);
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      const line = rest.subarray(0, end).toString('utf8').trim();
      rest = rest.subarray(end + 1);
      if (line !== '') {
        yield line;
      }
    }
    if (rest.length > limit_bytes) {
      throw new CofferError('engine.refused', `the engine sent a line of more than ${limit_bytes} bytes`);
    }
  }
}
