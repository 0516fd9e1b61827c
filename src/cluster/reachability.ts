// SPDX-License-Identifier: Apache-2.0
// What a manager knows of the others beside the state: whom it has heard from lately, and where they say that they are.
import type { NodeObject } from '../membership/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import { knownManagers } from './contacts.ts';
import type { ManagerContact } from './identity.ts';
import type { OwnIdentity } from './own-identity.ts';
import type { RaftTransport } from './raft-transport.ts';

/** A manager sends something every 100 ms; a worker says hello every few seconds. */
const MANAGER_PATIENCE_MS = 2_000;
const WORKER_PATIENCE_MS = 15_000;

export interface ReachabilityOptions {
  readonly own: OwnIdentity;
  readonly store: ReplicatedStore;
  readonly transport: RaftTransport;
  readonly monotonic_ms: () => number;
}

export class Reachability {
  readonly #options: ReachabilityOptions;
  /** When nodes that are no managers were last heard from. */
  readonly #heard = new Map<string, number>();
  /** The key of the certificate that each has come with last. */
  readonly #shown = new Map<string, string>();
  /** Where managers have said that they are now, until the state says so too: without a quorum it cannot. */
  readonly #moved = new Map<string, string>();
  #leaderSince_ms = 0;

  constructor(options: ReachabilityOptions) {
    this.#options = options;
  }

  /** All managers as far as they are known, where they were heard of last. */
  managers(): readonly ManagerContact[] {
    const { own, store } = this.#options;
    return knownManagers(store.replica.state.index.cluster, own.current.managers).map((contact) => {
      const address = this.#moved.get(contact.nodeId);
      return address === undefined ? contact : { ...contact, address };
    });
  }

  /** The manager that leads, if that is known. */
  leader(): ManagerContact | undefined {
    const { leader } = this.#options.store.replica;
    return this.managers().find(({ raftId }) => raftId === leader);
  }

  /** A node was heard from, and says where it is. */
  heardFrom(nodeId: string, address: string, publicKeyFingerprint: string): void {
    const { monotonic_ms, store, transport } = this.#options;
    this.#heard.set(nodeId, monotonic_ms());
    this.#shown.set(nodeId, publicKeyFingerprint);
    const node = store.replica.state.index.cluster.node(nodeId);
    if (node?.role !== 'manager' || node.address === address) {
      this.#moved.delete(nodeId);
    } else {
      this.#moved.set(nodeId, address);
    }
    transport.refresh();
  }

  /** Whether a node has come to this manager with the certificate that the state names: it may not have got it. */
  hasShown({ certificate, id }: NodeObject): boolean {
    return this.#shown.get(id) === certificate.publicKeyFingerprint;
  }

  /** Another node leads: it has not heard from everybody yet. */
  leaderChanged(): void {
    this.#leaderSince_ms = this.#options.monotonic_ms();
  }

  /** Whether a node was heard from lately; undefined if this one cannot tell, as it does not lead, or has just begun to. */
  isReachable({ id, raftId }: NodeObject): boolean | undefined {
    const { monotonic_ms, own, store, transport } = this.#options;
    if (id === own.current.nodeId) {
      return true;
    }
    if (store.replica.leader !== own.current.raftId) {
      return undefined;
    }
    if (raftId !== 0) {
      return transport.isReachable(raftId, MANAGER_PATIENCE_MS);
    }
    const heard_ms = this.#heard.get(id);
    if (heard_ms !== undefined && monotonic_ms() - heard_ms <= WORKER_PATIENCE_MS) {
      return true;
    }
    return monotonic_ms() - this.#leaderSince_ms <= WORKER_PATIENCE_MS ? undefined : false;
  }
}
