// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { RotationObject } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';

/** Whether the value that a rotation would go back to opens here: one that does not is not made the current one. */
export function valueBeforeOpens(
  store: Pick<SecretStore, 'byId' | 'readValue'>,
  { fromVersion, secretId }: RotationObject,
): boolean {
  if (store.byId(secretId)?.versions.some(({ number }) => number === fromVersion) !== true) {
    // Then the rules say what is the matter.
    return true;
  }
  try {
    store.readValue(secretId, fromVersion).wipe();
    return true;
  } catch (thrown) {
    if (CofferError.from(thrown).code === 'store.damaged') {
      return false;
    }
    throw thrown;
  }
}
