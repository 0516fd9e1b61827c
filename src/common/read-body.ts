// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { CofferError } from './errors.ts';

export interface ReadBodyOptions {
  readonly limit_bytes: number;
  /** What a larger body is refused with. */
  readonly tooLarge: () => CofferError;
  /** For the whole body; absent, the server's own limits bound it. */
  readonly timeout_ms?: number;
}

/** So much of a body that is too large is read and dropped: a sender that is cut off does not see the answer. */
const DRAIN_BYTES_MAX = 64 * 1024 * 1024;

/**
 * A request's whole body, in memory that the caller owns and wipes; the chunks that it came in are wiped here. Throws
 * what `tooLarge` makes, and `request.invalid` when the body is not all there in time, or its sender leaves.
 */
export function readBody(request: IncomingMessage, options: ReadBodyOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size_bytes = 0;
    let timer: NodeJS.Timeout | undefined;
    const settle = (failure?: string): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onBroken);
      if (size_bytes > options.limit_bytes) {
        reject(options.tooLarge());
      } else if (failure !== undefined) {
        // Made only now: an error with its stack costs a tenth of a delivery.
        reject(new CofferError('request.invalid', failure));
      } else {
        resolve(joined(chunks, size_bytes));
      }
      wipe(chunks);
      // What still comes is not kept.
      request.resume();
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size_bytes += chunk.length;
      if (size_bytes > options.limit_bytes) {
        wipe(chunks.splice(0));
      }
      if (size_bytes > DRAIN_BYTES_MAX) {
        settle();
      }
    };
    const onEnd = (): void => settle();
    const onBroken = (): void => settle('the request ended before its body did');
    const { timeout_ms } = options;
    if (timeout_ms !== undefined) {
      timer = setTimeout(() => settle(`the request was not complete after ${timeout_ms} ms`), timeout_ms);
    }
    request.on('data', onData).on('end', onEnd).on('close', onBroken).on('error', onBroken);
  });
}

/** A copy outside Node's shared buffer pool. */
function joined(chunks: readonly Buffer[], size_bytes: number): Buffer {
  const body = Buffer.alloc(size_bytes);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

function wipe(chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    chunk.fill(0);
  }
}
