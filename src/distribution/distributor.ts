// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { Channel, ChannelEvents } from '../transport/index.ts';
import type { SessionDescription } from './dispatcher/dispatcher.ts';
import type { DispatchPeer } from './dispatcher/session.ts';
import type { NodeHoldings } from './node-holdings.ts';
import { Leadership, type LeadershipOptions } from './leadership.ts';

/** A manager's side of distribution: gives nodes what they are due while it leads, and sends them on otherwise. */
export class Distributor {
  readonly #options: LeadershipOptions;
  #leadership: Leadership | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
  }

  /** This manager leads from now on. Nodes that register are answered when the swarm was read, and the store has caught up. */
  start(): void {
    if (this.#leadership === undefined) {
      this.#leadership = new Leadership(this.#options);
      this.#leadership.start();
    }
  }

  /** It leads no more: all nodes are told, keep what they have, and look for the one that does. */
  stop(): void {
    this.#leadership?.close(notLeader());
    this.#leadership = undefined;
  }

  /** A node has connected. Throws `cluster.not-leader` unless this manager leads. */
  accept(peer: DispatchPeer, channel: Channel): ChannelEvents {
    if (this.#leadership === undefined) {
      throw notLeader();
    }
    return this.#leadership.dispatcher.accept(peer, channel);
  }

  /** The nodes that have a session. */
  list(): readonly SessionDescription[] {
    return this.#leadership?.dispatcher.list() ?? [];
  }

  /** What nodes are known to have; undefined unless this manager leads. */
  holdings(): readonly NodeHoldings[] | undefined {
    return this.#leadership?.holdings();
  }
}

function notLeader(): CofferError {
  return new CofferError('cluster.not-leader', 'this manager does not lead the cluster');
}
