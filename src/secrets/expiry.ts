// SPDX-License-Identifier: Apache-2.0
// Until when the value of a secret is good, as its label says. coffer tells it; it goes on giving out the value.
import { CofferError, DAY_MS, HOUR_MS, parseDuration_ms } from '../common/index.ts';
import { currentVersion, type Labels, type Secret } from './model.ts';

/** A date, a time in UTC, or how long each value is good. */
export const EXPIRES_LABEL = 'coffer.expires';

/** From here on it is told that a value expires. */
export const EXPIRY_NOTICE_MS = 14 * DAY_MS;

const AFTER_MIN_MS = HOUR_MS;
const AFTER_DAYS_MAX = 3_650;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

type Expiry =
  | { readonly kind: 'at'; readonly at_ms: number }
  | { readonly kind: 'after'; readonly after_ms: number };

/** What the label says; undefined: nothing expires. Throws `secret.label-invalid` if it says nothing that can be. */
export function expiryLabel(labels: Labels): Expiry | undefined {
  const text = Object.hasOwn(labels, EXPIRES_LABEL) ? labels[EXPIRES_LABEL] : undefined;
  if (text === undefined) {
    return undefined;
  }
  const at_ms = readTime_ms(text);
  if (at_ms !== undefined) {
    return { kind: 'at', at_ms };
  }
  const after_ms = parseDuration_ms(text) ?? 0;
  if (after_ms < AFTER_MIN_MS || after_ms > AFTER_DAYS_MAX * DAY_MS) {
    throw new CofferError(
      'secret.label-invalid',
      `label ${EXPIRES_LABEL} is a date such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or how long a value is good, ` +
        `1h to ${AFTER_DAYS_MAX}d, not ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return { kind: 'after', after_ms };
}

/** When the current value expires; undefined: never. */
export function expiresAt_ms(secret: Secret): number | undefined {
  const expiry = expiryLabel(secret.labels);
  return expiry?.kind === 'after' ? valueMadeAt_ms(secret) + expiry.after_ms : expiry?.at_ms;
}

/** Since when the current value is there. What was put back by a rollback is as old as it is, as far as that is known. */
export function valueMadeAt_ms(secret: Secret): number {
  const { copyOf, createdAt_ms } = currentVersion(secret);
  const first = secret.versions.find(({ number }) => number === copyOf);
  return first?.createdAt_ms ?? createdAt_ms;
}

/** Of a date, its beginning. The 30th of February is none. */
function readTime_ms(text: string): number | undefined {
  const time = DATE.test(text) ? `${text}T00:00:00Z` : text;
  const at_ms = TIME.test(time) ? Date.parse(time) : Number.NaN;
  return Number.isNaN(at_ms) || new Date(at_ms).toISOString() !== time.replace('Z', '.000Z')
    ? undefined
    : at_ms;
}
