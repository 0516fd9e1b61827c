// SPDX-License-Identifier: Apache-2.0
import { BACKDATE_MS } from './write-certificate.ts';

const EARLIEST_PART = 0.5;
const LATEST_PART = 0.8;

export interface RenewalOptions {
  /** As the certificate says it, an hour before it was issued. */
  readonly notBefore_ms: number;
  readonly notAfter_ms: number;
  readonly now_ms: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * When to renew a certificate, in ms since 1970: at random between half and four fifths of its life, so that a cluster's
 * nodes do not come all at once (after swarmkit, ca/renewer.go). `now_ms` if that is past.
 */
export function nextRenewal({ notBefore_ms, notAfter_ms, now_ms, random }: RenewalOptions): number {
  const issued_ms = notBefore_ms + BACKDATE_MS;
  const part = EARLIEST_PART + (LATEST_PART - EARLIEST_PART) * random();
  return Math.max(now_ms, Math.round(issued_ms + (notAfter_ms - issued_ms) * part));
}
