// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import { nameKey } from './model.ts';

/**
 * Under this name lies the CA for workloads, with its key: a secret as others are, so that it is sealed, replicated and backed up with
 * them. It is coffer's own: nobody is given its value, nor puts another in its place.
 */
export const WORKLOAD_AUTHORITY_NAME = 'coffer.workload-ca';

export function isReservedName(name: string): boolean {
  return nameKey(name) === WORKLOAD_AUTHORITY_NAME;
}

/** Throws `secret.reserved` for a name under which coffer keeps what is its own. */
export function requireOrdinaryName(name: string): void {
  if (isReservedName(name)) {
    throw new CofferError(
      'secret.reserved',
      `${WORKLOAD_AUTHORITY_NAME} is the CA for workloads, which nobody is given or replaces`,
      { hint: 'Print its certificate, or rotate it: docker coffer cert-ca.' },
    );
  }
}
