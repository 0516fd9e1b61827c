// SPDX-License-Identifier: Apache-2.0
// A request as the pages see it, and their answer.
import type { IncomingMessage } from 'node:http';
import { CofferError, readBody } from '../common/index.ts';
import type { Html } from './html.ts';

const FORM_BYTES_MAX = 4_096;
const FORM_TIMEOUT_MS = 10_000;
const FORM_TYPE = 'application/x-www-form-urlencoded';

export type Answer =
  | { readonly kind: 'page'; readonly status?: number; readonly page: Html }
  | { readonly kind: 'json'; readonly value: object }
  | { readonly kind: 'file'; readonly type: string; readonly text: string }
  | { readonly kind: 'redirect'; readonly to: string; readonly cookie?: string };

/** What somebody typed into a form. Throws `request.invalid` and `request.too-large`. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== FORM_TYPE) {
    throw new CofferError('request.invalid', `a form is sent as ${FORM_TYPE}`);
  }
  const body = await readBody(request, {
    limit_bytes: FORM_BYTES_MAX,
    tooLarge: () => new CofferError('request.too-large', `a form has ${FORM_BYTES_MAX} bytes at most`),
    timeout_ms: FORM_TIMEOUT_MS,
  });
  return new URLSearchParams(body.toString('utf8'));
}

/** The number of a page: 1 for anything that is none. */
export function pageIn(query: URLSearchParams): number {
  const text = query.get('page') ?? '';
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1;
}

/** A text that must be there. Throws `request.invalid`. */
export function textIn(query: URLSearchParams, key: string): string {
  const text = query.get(key) ?? '';
  if (text === '' || text.length > 256) {
    throw new CofferError('request.invalid', `${key} is missing, or longer than 256 characters`);
  }
  return text;
}
