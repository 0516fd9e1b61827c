// SPDX-License-Identifier: Apache-2.0
// Values that coffer makes by itself: the label `coffer.generate`, and `docker coffer put --generate`.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { CofferError, SecretValue } from '../common/index.ts';
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
  const match = SPEC_PATTERN.exec(specification);
  if (match === null) {
    throw new CofferError(
      'secret.label-invalid',
      `cannot generate from ${JSON.stringify(specification.slice(0, 100))}`,
      { hint: 'Use hex:32, base64:32, password:24 or uuid.' },
    );
  }
  const [, kind = 'uuid', count = '0'] = match;
  const text = generateText(kind, Number(count));
  if (text.length > VALUE_BYTES_MAX) {
    throw new CofferError(
      'secret.label-invalid',
      `${specification} would make ${text.length} bytes; a value has at most ${VALUE_BYTES_MAX}`,
    );
  }
  return SecretValue.copyOf(Buffer.from(text, 'latin1'));
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
