// SPDX-License-Identifier: Apache-2.0
import { CofferError, type SecretValue } from '../common/index.ts';
import { type Keyring, unlockKeyId } from '../crypto/index.ts';
import type { writeFileAtomically } from './atomic-file.ts';
import { type Seal, type SealDescription, writeKeyFile } from './key-file.ts';

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

  /** Resolves when the keys are sealed in that way, durably. A crash leaves them as they were, or as they shall be. */
  change(seal: Seal): Promise<void> {
    return this.#inTurn(() => seal);
  }

  /** Resolves when the keys that the keyring has now are on the disk, durably, sealed as they were. */
  rewrite(): Promise<void> {
    return this.#inTurn(() => ({ version: this.#current.version, unlockKey: this.#unlockKey }));
  }

  #inTurn(wanted: () => Seal): Promise<void> {
    const changed = this.#last.then(() => this.#change(wanted()));
    this.#last = changed.catch(() => undefined);
    return changed;
  }

  /** Afterwards the keyring may be wiped: it is written no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  async #change(seal: Seal): Promise<void> {
    if (this.#closed) {
      throw new CofferError('store.closed', 'the store is closed');
    }
    const { file, keyring, write } = this.#options;
    await writeKeyFile(file, { keyring, initialized: true }, seal, write);
    const { unlockKey, version } = seal;
    this.#current = { version, unlockKeyId: unlockKey && unlockKeyId(unlockKey) };
    this.#unlockKey = unlockKey;
  }
}
