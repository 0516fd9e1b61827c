// SPDX-License-Identifier: Apache-2.0
// What the labels of a secret say of when it is rotated by itself, and of what the next value is made from. Pure.
import { createHash } from 'node:crypto';
import { DAY_MS } from '../common/index.ts';
import {
  type CertificateWish,
  currentVersion,
  rotationLabels,
  type Secret,
  storedCertificateWish,
} from '../secrets/index.ts';

/** What a new value is made from. */
export type ValueSource =
  | { readonly kind: 'generated'; readonly specification: string }
  | { readonly kind: 'certificate'; readonly wish: CertificateWish };

export interface RenewalRule {
  readonly source: ValueSource;
  /** How old the value gets. */
  readonly every_ms: number;
  /** How long after a try that came to nothing the next one comes. */
  readonly retry_ms: number;
}

/** Where the next try waits no longer than this. */
const RETRY_MS_MAX = DAY_MS;
/** Of its life: so a certificate that was not renewed is tried again some times before it is over. */
const RETRY_PART = 1 / 24;
/** As nodes renew their own. */
const EARLIEST_PART = 0.5;
const LATEST_PART = 0.8;

/** undefined: the secret is not rotated by itself. */
export function renewalRule(secret: Secret): RenewalRule | undefined {
  const labels = rotationLabels(secret.labels);
  if (labels !== undefined) {
    const { every_ms, specification } = labels;
    const source = { kind: 'generated', specification } as const;
    return { source, every_ms, retry_ms: Math.min(every_ms, RETRY_MS_MAX) };
  }
  const wish = storedCertificateWish(secret.labels);
  return (
    wish && {
      source: { kind: 'certificate', wish },
      every_ms: Math.round(wish.lifetime_ms * partOfLife(secret)),
      retry_ms: Math.min(wish.lifetime_ms * RETRY_PART, RETRY_MS_MAX),
    }
  );
}

/**
 * Between half and four fifths: of a secret and its version the same for whoever looks, of several secrets that were made together not the
 * same, so that they are not all renewed at once.
 */
function partOfLife(secret: Secret): number {
  const { copyOf, number } = currentVersion(secret);
  const drawn = createHash('sha256')
    .update(`${secret.id}/${copyOf ?? number}`)
    .digest()
    .readUInt32BE(0);
  return EARLIEST_PART + (LATEST_PART - EARLIEST_PART) * (drawn / 2 ** 32);
}
