// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { Connection } from './connection.ts';
import type { PeerIdentity } from './peer-identity.ts';
import type { Caller, Protocol } from './protocol.ts';

/** A connection that was let in, for tests and metrics. */
export interface OpenConnection {
  readonly protocol: string;
  readonly peer: PeerIdentity | undefined;
  readonly address: string;
}

export interface Admitted {
  readonly connection: Connection;
  readonly protocol: Protocol;
  readonly caller: Caller;
}

/** The connections that were let in. */
export class Members {
  readonly #all = new Set<Admitted>();
  /** Of one peer and one protocol, oldest first. */
  readonly #byPeer = new Map<string, Set<Admitted>>();
  readonly #strangers = new Set<Admitted>();

  get all(): ReadonlySet<Admitted> {
    return this.#all;
  }

  get strangers(): readonly Admitted[] {
    return [...this.#strangers];
  }

  list(): readonly OpenConnection[] {
    return [...this.#all].map(({ protocol, caller }) => ({ protocol: protocol.name, ...caller }));
  }

  /** Returns a function that takes it out. A peer that has too many loses its oldest. */
  add(admitted: Admitted): () => void {
    this.#all.add(admitted);
    const { caller, protocol } = admitted;
    if (protocol.policy === 'stranger') {
      this.#strangers.add(admitted);
      return () => {
        this.#all.delete(admitted);
        this.#strangers.delete(admitted);
      };
    }
    const key = `${protocol.name} ${caller.peer?.nodeId ?? ''}`;
    const same = this.#byPeer.get(key) ?? new Set();
    this.#byPeer.set(key, same.add(admitted));
    const [oldest] = same;
    if (same.size > protocol.handler.connectionsPerPeer) {
      oldest?.connection.destroy(
        new CofferError(
          'transport.refused',
          'the peer has opened newer connections in the place of this one',
        ),
      );
    }
    return () => {
      this.#all.delete(admitted);
      same.delete(admitted);
      if (same.size === 0 && this.#byPeer.get(key) === same) {
        this.#byPeer.delete(key);
      }
    };
  }

  /** Cuts those for which `predicate` holds; how many those were. */
  cut(predicate: (caller: Caller, protocol: string) => boolean, reason: CofferError): number {
    const cut = [...this.#all].filter(
      ({ caller, connection, protocol }) => connection.isOpen && predicate(caller, protocol.name),
    );
    cut.forEach(({ connection }) => connection.destroy(reason));
    return cut.length;
  }
}
