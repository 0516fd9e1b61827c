// SPDX-License-Identifier: Apache-2.0
// The records of the state as they lie on the disk, all of one kind after another.
import { CofferError } from '../../common/index.ts';
import { type Keyring, openRecord } from '../../crypto/index.ts';
import type { DatabaseView } from '../../storage/index.ts';
import type { StateDigest } from './state-digest.ts';
import type { StateKeys, StateKind } from './state-keys.ts';

/** The opened records of one kind, in the order of their keys. Throws `store.damaged` at one that does not open. */
export async function* stateRecords(
  view: DatabaseView,
  keyring: Keyring,
  keys: StateKeys,
  kind: Exclude<StateKind, 'value'>,
): AsyncGenerator<Buffer> {
  for await (const group of stateRecordGroups(view, keyring, keys, kind)) {
    yield* group;
  }
}

/** As `stateRecords`, in the groups in which the database gives them: some kilobytes each, or one larger record. */
export async function* stateRecordGroups(
  view: DatabaseView,
  keyring: Keyring,
  keys: StateKeys,
  kind: Exclude<StateKind, 'value'>,
): AsyncGenerator<readonly Buffer[]> {
  for await (const group of view.groups(keys.range(kind), `the records of kind ${kind}`)) {
    yield group.map(([key, record]) => openRecord(keyring, key, record, `the record of a ${kind}`));
  }
}

/** Throws `store.damaged` if the records that were found are not those that were written. */
export function requireDigest(found: StateDigest, written: StateDigest): void {
  if (!found.equals(written)) {
    throw new CofferError(
      'store.damaged',
      `the database holds ${found.count} records of secrets, names, deliveries and requests that differ from the ` +
        `${written.count} that were written`,
    );
  }
}
