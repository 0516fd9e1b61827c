// SPDX-License-Identifier: Apache-2.0
// The receiving side of message links.
import { CofferError } from '../common/index.ts';
import { FRAME, unexpectedFrame } from './frame.ts';
import type { PeerIdentity } from './peer-identity.ts';
import type { ProtocolHandler } from './protocol.ts';

/** A link pings every half second. */
const IDLE_MS = 10_000;
const CONNECTIONS_PER_PEER = 4;

export interface MessageHandlerOptions {
  /** The largest message. */
  readonly message_bytes: number;
  /**
   * Called for each message, in the order in which one link has sent them. The payload may be a view of a larger buffer:
   * who keeps it for long copies it. What it throws is told to the peer, and cuts the link.
   */
  readonly onMessage: (peer: PeerIdentity, payload: Buffer) => void;
  /** A peer has connected: it lives, and the link to it may be nudged. */
  readonly onConnected?: (peer: PeerIdentity) => void;
}

/** For a protocol of policy `member`. */
export function messageHandler(options: MessageHandlerOptions): ProtocolHandler {
  return {
    frameLimit_bytes: options.message_bytes,
    idle_ms: IDLE_MS,
    connectionsPerPeer: CONNECTIONS_PER_PEER,
    accept: (_connection, { peer }) => {
      if (peer === undefined) {
        throw new CofferError('transport.refused', 'messages are taken from members only');
      }
      options.onConnected?.(peer);
      return {
        onFrame: (type, payload) => {
          if (type !== FRAME.data) {
            throw unexpectedFrame(type);
          }
          options.onMessage(peer, payload);
        },
        onClose: () => undefined,
      };
    },
  };
}
