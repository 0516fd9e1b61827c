// SPDX-License-Identifier: Apache-2.0
// What doctor says of secrets whose values expire.
import type { Check } from '../control/index.ts';
import { EXPIRY_NOTICE_MS, expiresAt_ms, type Secret } from '../secrets/index.ts';
import { counted } from '../wording/index.ts';
import { shortList } from './doctor-words.ts';

/** Pure. Nothing is said of values that are good for long. */
export function expiryChecks(secrets: readonly Secret[], now_ms: number): readonly Check[] {
  const dated = secrets
    .flatMap((secret) => {
      const at_ms = expiresAt_ms(secret);
      return at_ms === undefined || at_ms - now_ms > EXPIRY_NOTICE_MS ? [] : [{ name: secret.name, at_ms }];
    })
    .toSorted((a, b) => a.at_ms - b.at_ms);
  const expired = dated.filter(({ at_ms }) => at_ms <= now_ms);
  const soon = dated.filter(({ at_ms }) => at_ms > now_ms);
  return [
    ...checkOf(
      expired,
      now_ms,
      (names) => `${counted(expired.length, 'secret')} whose value has expired: ${names}`,
    ),
    ...checkOf(
      soon,
      now_ms,
      (names) => `${counted(soon.length, 'secret')} whose value expires within two weeks: ${names}`,
    ),
  ];
}

interface Dated {
  readonly name: string;
  readonly at_ms: number;
}

function checkOf(
  secrets: readonly Dated[],
  now_ms: number,
  message: (names: string) => string,
): readonly Check[] {
  const [first] = secrets;
  return first === undefined
    ? []
    : [
        {
          name: 'expiry',
          level: first.at_ms <= now_ms ? 'failure' : 'warning',
          message: message(shortList(secrets.map(({ at_ms, name }) => `${name} (${dateOf(at_ms)})`))),
          mend: `Store a new value, and have the services take it up: docker coffer rotate ${first.name} -`,
        },
      ];
}

function dateOf(at_ms: number): string {
  return new Date(at_ms).toISOString().slice(0, 10);
}
