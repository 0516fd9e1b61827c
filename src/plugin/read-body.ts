// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { CofferError } from '../common/index.ts';

/**
 * The whole body of a request. Throws `request.too-large` beyond `limit_bytes`, and `request.invalid` when it is
 * not all there after `timeout_ms` or the connection breaks.
 */
export async function readBody(
  request: IncomingMessage,
  limit_bytes: number,
  timeout_ms: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size_bytes = 0;
    const settle = (outcome: () => void): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      // What still comes is read and dropped, so that the answer can be read in turn.
      request.on('error', () => undefined).resume();
      outcome();
    };
    const fail = (error: CofferError): void => settle(() => reject(error));
    const onData = (chunk: Buffer): void => {
      size_bytes += chunk.length;
      if (size_bytes > limit_bytes) {
        fail(new CofferError('request.too-large', `the request is larger than ${limit_bytes} bytes`));
      } else {
        chunks.push(chunk);
      }
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onBroken = (): void => fail(new CofferError('request.invalid', 'the request broke off'));
    const timer = setTimeout(() => {
      fail(new CofferError('request.invalid', `the request was not complete after ${timeout_ms} ms`));
    }, timeout_ms);
    request.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}
