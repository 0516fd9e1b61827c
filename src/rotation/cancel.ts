// SPDX-License-Identifier: Apache-2.0
// How a rotation is taken back on demand, at any manager.
import { CofferError } from '../common/index.ts';
import { isRunning, type RotationObject } from '../membership/index.ts';
import { CANCELLED, nameKey } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { valueBeforeOpens } from './value-before.ts';

export interface CancelOptions {
  readonly store: Pick<SecretStore, 'byId' | 'byName' | 'cluster' | 'propose' | 'readValue'>;
  readonly now_ms: () => number;
}

/**
 * Has the rotation of a secret, by its name or id, go back as if a service had not come up. Throws `secret.not-found`;
 * `rotation.not-found` where none is under way, and `rotation.refused` for one that goes back already.
 */
export async function cancelRotation(
  { now_ms, store }: CancelOptions,
  reference: string,
): Promise<RotationObject> {
  const rotation = store.cluster
    .rotations()
    .find(
      (each) =>
        isRunning(each) && (nameKey(each.secretName) === nameKey(reference) || each.secretId === reference),
    );
  if (rotation === undefined) {
    throw noneUnderWay(store, reference);
  }
  await store.propose({
    kind: 'revert-rotation',
    id: rotation.id,
    restore: valueBeforeOpens(store, rotation),
    problem: CANCELLED,
    at_ms: now_ms(),
  });
  return store.cluster.rotation(rotation.id) ?? rotation;
}

function noneUnderWay(store: CancelOptions['store'], reference: string): CofferError {
  const secret = store.byName(reference) ?? store.byId(reference);
  return secret === undefined
    ? new CofferError('secret.not-found', `secret ${reference} not found`, {
        hint: 'List the secrets with: docker coffer ls',
      })
    : new CofferError('rotation.not-found', `no rotation of secret ${secret.name} is under way`, {
        hint: `Go back to the version before: docker coffer rollback ${secret.name}`,
      });
}
