// SPDX-License-Identifier: Apache-2.0
// What every request must be, and what every answer says, so that pages of others can neither read nor change anything.
import type { IncomingHttpHeaders } from 'node:http';
import { CofferError } from '../common/index.ts';

const HOSTS: readonly string[] = ['127.0.0.1', 'localhost'];

/**
 * Everything comes from this server alone, and nothing may stand in the pages themselves: no script, no style. `same-origin` and not
 * `no-referrer`, which would have browsers send no origin with forms.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/**
 * A name of another site that is made to lead here is not ours (DNS rebinding). The port may be another one, since a tunnel has its own.
 * Throws `ui.refused`.
 */
export function checkHost({ host }: IncomingHttpHeaders): void {
  const [, name = ''] = /^(.+?)(?::\d{1,5})?$/.exec(host ?? '') ?? [];
  if (!HOSTS.includes(name)) {
    throw new CofferError('ui.refused', 'this page is at 127.0.0.1 or localhost alone');
  }
}

/** What changes something must come from a page of this server. Throws `ui.refused`. */
export function checkOrigin({ host, origin, 'sec-fetch-site': site }: IncomingHttpHeaders): void {
  if (origin !== `http://${host ?? ''}` || (site !== undefined && site !== 'same-origin')) {
    throw new CofferError('ui.refused', 'this request does not come from a page of this server');
  }
}

/** The value of a cookie; empty if there is none. */
export function cookieIn({ cookie = '' }: IncomingHttpHeaders, name: string): string {
  const found = cookie
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? '';
}
