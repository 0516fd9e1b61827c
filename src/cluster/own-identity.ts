// SPDX-License-Identifier: Apache-2.0
import { CredentialsSource } from '../transport/index.ts';
import type { KeyForm } from './identity-key.ts';
import { credentialsOf, type IdentityStore, type NodeIdentityFile } from './identity.ts';

/** This node's identity: what is in use, and what is on the disk, which is first. */
export class OwnIdentity {
  readonly #store: IdentityStore;
  readonly credentials: CredentialsSource;
  #current: NodeIdentityFile;
  #last: Promise<void> = Promise.resolve();

  constructor(store: IdentityStore, identity: NodeIdentityFile, credentials: CredentialsSource) {
    this.#store = store;
    this.#current = identity;
    this.credentials = credentials;
  }

  get current(): NodeIdentityFile {
    return this.#current;
  }

  /**
   * New handshakes use it from now on; connections that are open go on. One update after the other: new roots and a new
   * certificate come at the same time, and neither may undo the other. Rejects with `pki.certificate-invalid` for what
   * OpenSSL does not take; then all is as it was.
   */
  update(change: Partial<NodeIdentityFile>): Promise<void> {
    return this.#inTurn(() => this.#update(change));
  }

  /** Writes the identity down again, with its key in each of these forms; so it is kept from now on. */
  keepKeyAs(...forms: readonly KeyForm[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#store.keepKeyAs(...forms);
      await this.#store.write(this.#current);
    });
  }

  /** Resolves when what was begun is on the disk, or has failed. Never rejects. */
  settled(): Promise<void> {
    return this.#last;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #update(change: Partial<NodeIdentityFile>): Promise<void> {
    const next = { ...this.#current, ...change };
    // OpenSSL is asked before it is on the disk, where the next start would stumble over it.
    const { current: credentials } = new CredentialsSource(credentialsOf(next));
    await this.#store.write(next);
    this.#current = next;
    this.credentials.replace(credentials);
  }
}
