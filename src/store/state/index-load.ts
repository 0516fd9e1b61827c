// SPDX-License-Identifier: Apache-2.0
// Bringing the secrets of the disk into the index, piece by piece.
import { CofferError } from '../../common/index.ts';
import type { Keyring } from '../../crypto/index.ts';
import type { DatabaseSnapshot } from '../../storage/index.ts';
import { decodeSecret, decodeSecretName } from './record-codec.ts';
import type { SecretIndex } from './secret-index.ts';
import type { StateDigest } from './state-digest.ts';
import { secretCount, type StateHeader } from './state-header.ts';
import type { StateKeys } from './state-keys.ts';
import { requireDigest, stateRecordGroups } from './state-records.ts';

export interface IndexLoadOptions {
  readonly keyring: Keyring;
  readonly keys: StateKeys;
  /** The database as it was when `header` was read; closed when the load ends. */
  readonly view: DatabaseSnapshot;
  readonly header: StateHeader;
  readonly index: SecretIndex;
  /** Over all records that are not of secrets or names. */
  readonly digest: StateDigest;
}

/** Lets others have their turn; resolves when it is this one's again. */
export type Pause = () => Promise<void>;

/** Reads and verifies every secret, and the record of its name. */
export class IndexLoad {
  readonly #options: IndexLoadOptions;
  readonly #records: number;
  /** What the records of the view must come to. The header's own digest follows what is applied meanwhile. */
  readonly #written: StateDigest;
  #read = 0;
  #stopped = false;

  constructor(options: IndexLoadOptions) {
    this.#options = options;
    this.#records = 2 * secretCount(options.header);
    this.#written = options.header.digest.copy();
  }

  /** From 0 to 99: what is whole is no load any more. */
  get progress_percent(): number {
    return Math.min(99, Math.floor((100 * this.#read) / Math.max(1, this.#records)));
  }

  /**
   * Loads all, a group of some kilobytes after each `pause`, and then compares the digest; the index is whole when this
   * resolves, unless the load was stopped. Rejects with `store.damaged` if a record does not open, is missing, or is of
   * an older state.
   */
  async run(pause: Pause): Promise<void> {
    const { digest, index, view } = this.#options;
    try {
      await this.#each('secret', pause, (payload) => index.load(decodeSecret(payload)));
      await this.#each('name', pause, (payload) => void decodeSecretName(payload));
      if (!this.#stopped) {
        requireDigest(digest, this.#written);
        index.loaded();
      }
    } catch (thrown) {
      // The database may have been closed under a load that was stopped.
      if (!this.#stopped) {
        throw CofferError.from(thrown, 'store.faulted');
      }
    } finally {
      await view.close();
    }
  }

  /** Nothing is loaded any more from the next pause on. */
  stop(): void {
    this.#stopped = true;
  }

  async #each(kind: 'secret' | 'name', pause: Pause, take: (payload: Buffer) => void): Promise<void> {
    const { digest, keyring, keys, view } = this.#options;
    if (this.#stopped) {
      return;
    }
    for await (const group of stateRecordGroups(view, keyring, keys, kind)) {
      for (const payload of group) {
        digest.add(kind, payload);
        take(payload);
      }
      this.#read += group.length;
      await pause();
      if (this.#stopped) {
        return;
      }
    }
  }
}
