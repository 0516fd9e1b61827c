// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { CofferError, SecretValue } from '../common/index.ts';
import { checkValueSize, VALUE_BYTES_MAX } from '../secrets/index.ts';

/**
 * Reads a request's body as a secret's value, 1 to 511,999 bytes of `application/octet-stream`, and leaves no
 * other copy of it behind. Throws `request.too-large`, `secret.value-size` or `request.invalid`.
 */
export async function readValue(request: IncomingMessage): Promise<SecretValue> {
  checkHeaders(request);
  const chunks = await readChunks(request);
  try {
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    checkValueSize(size);
    const bytes = Buffer.alloc(size);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return SecretValue.takeOver(bytes);
  } finally {
    wipe(chunks);
  }
}

function checkHeaders(request: IncomingMessage): void {
  const type = request.headers['content-type'] ?? 'application/octet-stream';
  if (!/^application\/octet-stream\s*(;|$)/i.test(type)) {
    throw new CofferError('request.invalid', `the body is the value itself, not ${type.slice(0, 100)}`, {
      hint: 'Send it with "Content-Type: application/octet-stream".',
    });
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new CofferError('request.invalid', 'the body is the value itself, not an encoded form of it');
  }
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > VALUE_BYTES_MAX) {
    throw tooLarge(`${length} bytes were announced`);
  }
}

function readChunks(request: IncomingMessage): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (error?: CofferError): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      if (error === undefined) {
        resolve(chunks);
      } else {
        wipe(chunks);
        // The rest is read and dropped, until the request's deadline: a client that is cut off while it
        // writes would lose the answer that says why.
        request.resume();
        reject(error);
      }
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > VALUE_BYTES_MAX) {
        settle(tooLarge('the body is longer'));
      }
    };
    const onEnd = (): void => settle();
    const onClose = (): void => settle(new CofferError('request.invalid', 'the body ended too early'));
    request.on('data', onData).once('end', onEnd).once('close', onClose);
    request.on('error', onClose);
  });
}

function tooLarge(how: string): CofferError {
  return new CofferError('request.too-large', `a value has 1 to ${VALUE_BYTES_MAX} bytes; ${how}`);
}

function wipe(chunks: readonly Buffer[]): void {
  for (const chunk of chunks) {
    chunk.fill(0);
  }
}
