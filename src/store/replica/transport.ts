// SPDX-License-Identifier: Apache-2.0
// The way to the other nodes, as the driver sees it.
import { CofferError } from '../../common/index.ts';
import type { MsgSnap, PeerMessage } from '../../raft/index.ts';

export interface Transport {
  /** Sends without a promise: a message may be lost, late or twice. It is encoded before the call returns. */
  send(message: PeerMessage): void;
  /**
   * Sends a snapshot with the state behind it. Resolves when the peer has taken all of it, and rejects when it has
   * not. It draws chunks only as fast as the peer takes them.
   */
  sendSnapshot(message: MsgSnap, chunks: AsyncIterable<Buffer>): Promise<void>;
}

/** The transport of a node that has no peers. */
export const noPeers: Transport = {
  send: () => undefined,
  sendSnapshot: () =>
    Promise.reject(new CofferError('internal.invariant', 'a node without peers sends no snapshot')),
};
