// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { CofferError, readBody, SecretValue } from '../common/index.ts';
import { checkValueSize, VALUE_BYTES_MAX } from '../secrets/index.ts';

/**
 * Reads a request's body as a secret's value, 1 to 511,999 bytes of `application/octet-stream`, and leaves no
 * other copy of it behind. Throws `request.too-large`, `secret.value-size` or `request.invalid`.
 */
export async function readValue(request: IncomingMessage): Promise<SecretValue> {
  checkHeaders(request);
  const bytes = await readBody(request, {
    limit_bytes: VALUE_BYTES_MAX,
    tooLarge: () => tooLarge('the body is longer'),
  });
  checkValueSize(bytes.length);
  return SecretValue.takeOver(bytes);
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

function tooLarge(how: string): CofferError {
  return new CofferError('request.too-large', `a value has 1 to ${VALUE_BYTES_MAX} bytes; ${how}`);
}
