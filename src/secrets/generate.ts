// SPDX-License-Identifier: Apache-2.0
// Values that coffer makes by itself: the label `coffer.generate`, and `docker coffer put --generate`.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { base64Length, CofferError, SecretValue } from '../common/index.ts';
import { VALUE_BYTES_MAX } from './limits.ts';

const SPEC_PATTERN = /^(?:(hex|base64|password):([1-9][0-9]{0,5})|uuid)$/;

/** Letters and digits without those that are read wrongly (0 O, 1 l I), and signs that no shell expands. */
const PASSWORD_ALPHABET = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.+=';

/**
 * Makes a value from a specification:
 *
 * - `hex:N` and `base64:N`: N random bytes in that encoding (standard base64 with padding)
 * - `password:N`: N characters, each drawn evenly from 62
 * - `uuid`: a random UUID (RFC 9562, version 4)
 *
 * Throws `secret.label-invalid` for any other, and for one that would exceed the size of a value.
 */
export function generateValue(specification: string): SecretValue {
  const { count, kind } = checkSpecification(specification);
  return SecretValue.copyOf(Buffer.from(generateText(kind, count), 'latin1'));
}

/** What a specification asks for. Throws as `generateValue` does. */
export function checkSpecification(specification: string): { readonly kind: string; readonly count: number } {
  const match = SPEC_PATTERN.exec(specification);
  if (match === null) {
    throw new CofferError(
      'secret.label-invalid',
      `cannot generate from ${JSON.stringify(specification.slice(0, 100))}`,
      { hint: 'Use hex:32, base64:32, password:24 or uuid.' },
    );
  }
  const [, kind = 'uuid', digits = '0'] = match;
  const count = Number(digits);
  const size_bytes = sizeOf(kind, count);
  if (size_bytes > VALUE_BYTES_MAX) {
    throw new CofferError(
      'secret.label-invalid',
      `${specification} would make ${size_bytes} bytes; a value has at most ${VALUE_BYTES_MAX}`,
    );
  }
  return { kind, count };
}

function sizeOf(kind: string, count: number): number {
  switch (kind) {
    case 'hex':
      return 2 * count;
    case 'base64':
      return base64Length(count);
    default:
      return count;
  }
}

function generateText(kind: string, count: number): string {
  switch (kind) {
    case 'hex':
      return randomBytes(count).toString('hex');
    case 'base64':
      return randomBytes(count).toString('base64');
    case 'password':
      return Array.from({ length: count }, () => PASSWORD_ALPHABET[randomInt(PASSWORD_ALPHABET.length)]).join(
        '',
      );
    default:
      return randomUUID();
  }
}
