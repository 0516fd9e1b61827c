// SPDX-License-Identifier: Apache-2.0
import { CofferError, type SecretValue } from '../common/index.ts';
import { type DataKey, type Keyring, unlockKeyId } from '../crypto/index.ts';
import type { writeFileAtomically } from './atomic-file.ts';
import { type Seal, type SealDescription, writeKeyFile } from './key-file.ts';
import type { KeySet } from './sealed-keyring.ts';

/** Rotations of the data key that are not at their end, each of which leaves a key to be kept. */
const RETIRED_MAX = 16;

export interface KeyFileSealOptions {
  readonly file: string;
  /** Of a store that was made. */
  readonly keyring: Keyring;
  readonly seal: SealDescription;
  /** What the keys are sealed with; undefined if they are in the clear. Stays the caller's, who keeps it until the next change. */
  readonly unlockKey?: SecretValue | undefined;
  /** Default: atomically. */
  readonly write?: typeof writeFileAtomically;
}

/** How the keys of an open store are kept on the disk, and the way to keep them otherwise. */
export class KeyFileSeal {
  readonly #options: KeyFileSealOptions;
  #current: SealDescription;
  #unlockKey: SecretValue | undefined;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: KeyFileSealOptions) {
    this.#options = options;
    this.#current = options.seal;
    this.#unlockKey = options.unlockKey;
  }

  get current(): SealDescription {
    return this.#current;
  }

  /**
   * Resolves when the keys are sealed in that way, durably, and with `newDataKey` a new data key is the active one: in the same
   * write, so that a crash leaves both changes or none. Rejects with `store.busy` while too many rotations wait for their end.
   */
  change(seal: Seal, { newDataKey = false }: { readonly newDataKey?: boolean } = {}): Promise<void> {
    return this.#inTurn(() =>
      newDataKey ? this.#withNewDataKey(seal) : this.#write(this.#options.keyring, seal),
    );
  }

  /** Resolves when a new data key is on the disk, durably, beside those before, and the active one. */
  addDataKey(): Promise<void> {
    return this.#inTurn(() => this.#withNewDataKey(this.#seal));
  }

  /** Resolves when these keys are on the disk no more, durably, and overwritten. Until then the keyring has them. */
  dropDataKeys(keys: readonly DataKey[]): Promise<void> {
    return this.#inTurn(async () => {
      const { keyring } = this.#options;
      const { active, indexKey } = keyring;
      const retired = keyring.retired.filter((key) => !keys.includes(key));
      await this.#write({ active, retired, indexKey }, this.#seal);
      keyring.drop(keys);
    });
  }

  /** Afterwards the keyring may be wiped: it is written no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  get #seal(): Seal {
    return { version: this.#current.version, unlockKey: this.#unlockKey };
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const changed = this.#last.then(() => {
      if (this.#closed) {
        throw new CofferError('store.closed', 'the store is closed');
      }
      return work();
    });
    this.#last = changed.catch(() => undefined);
    return changed;
  }

  /** Nothing is sealed under the new key before it is durable; nor is it used if that fails. */
  async #withNewDataKey(seal: Seal): Promise<void> {
    const { keyring } = this.#options;
    const { active: before, indexKey, retired } = keyring;
    if (retired.length >= RETIRED_MAX) {
      const detail = `${RETIRED_MAX} rotations of this node's data key wait for their end already`;
      throw new CofferError('store.busy', detail, {
        hint: 'Wait until they are done: docker coffer data-key tells it.',
      });
    }
    const active = keyring.add();
    try {
      await this.#write({ active, retired: [...retired, before], indexKey }, seal);
    } catch (thrown) {
      keyring.drop([active]);
      throw thrown;
    }
    keyring.activate(active);
  }

  async #write(keyring: KeySet, seal: Seal): Promise<void> {
    const { file, write } = this.#options;
    await writeKeyFile(file, { keyring, initialized: true }, seal, write);
    const { unlockKey, version } = seal;
    this.#current = { version, unlockKeyId: unlockKey && unlockKeyId(unlockKey) };
    this.#unlockKey = unlockKey;
  }
}
