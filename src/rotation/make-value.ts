// SPDX-License-Identifier: Apache-2.0
import { type AuthorityStore, issueCertificate } from '../certificates/index.ts';
import { type SecretValue, unreachable } from '../common/index.ts';
import { generateValue } from '../secrets/index.ts';
import type { ValueSource } from './renewal-rule.ts';

/** A new value of a secret, which the caller wipes. */
export async function makeValue(
  store: AuthorityStore,
  source: ValueSource,
  now_ms: number,
): Promise<SecretValue> {
  switch (source.kind) {
    case 'generated':
      return generateValue(source.specification);
    case 'certificate':
      return issueCertificate(store, source.wish, now_ms);
    default:
      return unreachable(source);
  }
}
