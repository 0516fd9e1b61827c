// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';
import { type Keyring, openRecord } from '../../crypto/index.ts';
import { nameKey, type Secret } from '../../secrets/index.ts';
import type { DatabaseView } from '../../storage/index.ts';
import { decodeSecret, decodeSecretName } from './record-codec.ts';
import type { StoredSecrets } from './secret-index.ts';
import type { StateKeys } from './state-keys.ts';

/** Reads single secrets of a view. Its calls block for some tens of microseconds, and throw `store.damaged`. */
export class SecretsOnDisk implements StoredSecrets {
  readonly count: number;
  readonly #view: DatabaseView;
  readonly #keyring: Keyring;
  readonly #keys: StateKeys;

  constructor(view: DatabaseView, keyring: Keyring, keys: StateKeys, count: number) {
    this.#view = view;
    this.#keyring = keyring;
    this.#keys = keys;
    this.count = count;
  }

  byId(id: string): Secret | undefined {
    const record = this.#open(this.#keys.secret(id), 'the record of a secret');
    return record === undefined ? undefined : decodeSecret(record);
  }

  byName(folded: string): Secret | undefined {
    const record = this.#open(this.#keys.name(folded), "the record of a secret's name");
    if (record === undefined) {
      return undefined;
    }
    const name = decodeSecretName(record);
    const secret = this.byId(name.id);
    if (secret === undefined || name.folded !== folded || nameKey(secret.name) !== folded) {
      throw new CofferError('store.damaged', 'the database has lost the secret that a name belongs to');
    }
    return secret;
  }

  #open(key: Buffer, what: string): Buffer | undefined {
    const record = this.#view.get(key, what);
    return record === undefined ? undefined : openRecord(this.#keyring, key, record, what);
  }
}
