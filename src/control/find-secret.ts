// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';

/**
 * The secret of that name, without regard to case, or else of that id, coffer's or the engine's. A name comes
 * first, so that no secret's name can stand for another's id. Throws `secret.not-found`.
 */
export function findSecret(store: SecretStore, reference: string): Secret {
  return whole(store, reference) ?? notFound(reference);
}

/**
 * As `findSecret`, and takes the beginning of an id where only one begins so. For reading alone: what is removed
 * must be named in full.
 */
export function findSecretByPrefix(store: SecretStore, reference: string): Secret {
  const exact = whole(store, reference);
  if (exact !== undefined) {
    return exact;
  }
  const matches = store
    .list()
    .filter(({ id, engine }) => id.startsWith(reference) || engine?.secretId.startsWith(reference) === true);
  const [only, second] = matches;
  if (only !== undefined && second === undefined) {
    return only;
  }
  return notFound(
    reference,
    matches.length === 0 ? 'not found' : `is ambiguous (${matches.length} matches found)`,
  );
}

function whole(store: SecretStore, reference: string): Secret | undefined {
  return store.byName(reference) ?? store.byId(reference) ?? store.byEngineId(reference);
}

function notFound(reference: string, how = 'not found'): never {
  throw new CofferError('secret.not-found', `secret ${reference.slice(0, 100)} ${how}`, {
    hint: 'List the secrets with: docker coffer ls',
  });
}
