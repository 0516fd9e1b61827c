// SPDX-License-Identifier: Apache-2.0
// The names that a certificate may be for, as a user writes them. What is taken here can stand in a certificate as it is: no character
// of it means anything to whoever reads the certificate later.
import { isIP } from 'node:net';

/** As X.520 bounds a common name. */
export const COMMON_NAME_LENGTH_MAX = 64;
const DNS_NAME_LENGTH_MAX = 253;

/** With underscores, which stacks of services have in their names. */
const DNS_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
const PLAIN_NAME = /^[A-Za-z0-9]([A-Za-z0-9 ._@-]*[A-Za-z0-9])?$/;

/** A subject alternative name, in the one form in which it is compared. */
export type AlternativeName =
  | { readonly kind: 'dns'; readonly name: string }
  | { readonly kind: 'ip'; readonly address: string };

/**
 * A DNS name in lower case, whose first label may be `*`, or an address without a zone. undefined for all else: for names beyond ASCII,
 * which are written as `xn--` here, and for what only looks like an address.
 */
export function alternativeNameOf(text: string): AlternativeName | undefined {
  if (text.length > DNS_NAME_LENGTH_MAX) {
    return undefined;
  }
  if (isIP(text) !== 0) {
    return text.includes('%') ? undefined : { kind: 'ip', address: text.toLowerCase() };
  }
  const name = text.toLowerCase();
  const labels = (name.startsWith('*.') ? name.slice(2) : name).split('.');
  const isNumber = /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '');
  return !isNumber && labels.every((label) => DNS_LABEL.test(label)) ? { kind: 'dns', name } : undefined;
}

/** Whether it can be a common name: a name or an address as above, or words of letters and digits. */
export function isCommonName(text: string): boolean {
  return (
    text.length <= COMMON_NAME_LENGTH_MAX && (alternativeNameOf(text) !== undefined || PLAIN_NAME.test(text))
  );
}
