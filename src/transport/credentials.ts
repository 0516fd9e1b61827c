// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { CofferError } from '../common/index.ts';

/** What a node shows, and whom it believes. */
export interface TlsCredentials {
  /** PEM: the node's certificate first, then those between it and the root. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string | Buffer;
  /** PEM, each one certificate. None: nobody is believed. */
  readonly roots: readonly string[];
}

/** What every context has, on both sides. */
const TLS_VERSIONS = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
} as const satisfies SecureContextOptions;

/**
 * The options of a context. Node's own list of root certificates is never used: an empty list of roots is given as a list.
 *
 * Nothing is resumed: a resumed session skips the client's certificate, so that a ticket from before a removal would let
 * the removed node in. With this option OpenSSL looks sessions up in a cache, and Node keeps none.
 */
export function contextOptions(credentials: TlsCredentials): SecureContextOptions {
  return {
    ...TLS_VERSIONS,
    cert: credentials.certificate,
    key: credentials.key,
    ca: [...credentials.roots],
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

/** The context of a client that shows no certificate. */
export function anonymousContext(roots: readonly string[]): SecureContext {
  return createSecureContext({ ...TLS_VERSIONS, ca: [...roots] });
}

/**
 * The credentials of this node, which may change while it runs: new handshakes use the new ones, connections that are
 * open go on.
 */
export class CredentialsSource {
  #current: TlsCredentials;
  #context: SecureContext;
  readonly #watchers = new Set<(credentials: TlsCredentials) => void>();

  /** Throws `pki.certificate-invalid` if OpenSSL does not take them. */
  constructor(credentials: TlsCredentials) {
    this.#context = contextOf(credentials);
    this.#current = credentials;
  }

  get current(): TlsCredentials {
    return this.#current;
  }

  /** OpenSSL's view of `current`. */
  get context(): SecureContext {
    return this.#context;
  }

  /** Throws `pki.certificate-invalid` if OpenSSL does not take them; then the old ones stay. */
  replace(credentials: TlsCredentials): void {
    this.#context = contextOf(credentials);
    this.#current = credentials;
    this.#watchers.forEach((watcher) => watcher(credentials));
  }

  /** Calls `watcher` after each `replace`, until the returned function is called. */
  watch(watcher: (credentials: TlsCredentials) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }
}

function contextOf(credentials: TlsCredentials): SecureContext {
  try {
    return createSecureContext(contextOptions(credentials));
  } catch (thrown) {
    // The cause stays here: it might quote the key.
    const reason = thrown instanceof Error && 'reason' in thrown ? String(thrown.reason) : 'unreadable';
    throw new CofferError(
      'pki.certificate-invalid',
      `OpenSSL does not take the node's certificate, key and roots: ${reason}`,
    );
  }
}
