// SPDX-License-Identifier: Apache-2.0
// Names under which coffer keeps what is its own: secrets as others are, so that they are sealed, replicated and backed up with them.
// Nobody is given their values, nor puts others in their place.
import { CofferError } from '../common/index.ts';
import { nameKey } from './model.ts';

/** The CA for workloads, with its key. */
export const WORKLOAD_AUTHORITY_NAME = 'coffer.workload-ca';

/** What the receiver of notices has been told. */
export const NOTICE_MARK_NAME = 'coffer.notices';

interface Refusal {
  readonly sentence: string;
  readonly hint: string;
}

const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  [
    WORKLOAD_AUTHORITY_NAME,
    {
      sentence: `${WORKLOAD_AUTHORITY_NAME} is the CA for workloads, which nobody is given or replaces`,
      hint: 'Print its certificate, or rotate it: docker coffer cert-ca.',
    },
  ],
  [
    NOTICE_MARK_NAME,
    {
      sentence: `${NOTICE_MARK_NAME} is what the receiver of notices has been told, which nobody is given or replaces`,
      hint: 'Take another name, which does not begin with "coffer.".',
    },
  ],
]);

export function isReservedName(name: string): boolean {
  return REFUSALS.has(nameKey(name));
}

/** Throws `secret.reserved` for a name under which coffer keeps what is its own. */
export function requireOrdinaryName(name: string): void {
  const refusal = REFUSALS.get(nameKey(name));
  if (refusal !== undefined) {
    const { hint, sentence } = refusal;
    throw new CofferError('secret.reserved', sentence, { hint });
  }
}
