// SPDX-License-Identifier: Apache-2.0
// The listening side of channels.
import { CofferError } from '../common/index.ts';
import { type Channel, type ChannelEvents, type ChannelLimits, ConnectionChannel } from './channel.ts';
import type { PeerIdentity } from './peer-identity.ts';
import type { ProtocolHandler } from './protocol.ts';
import { REFUSAL_BYTES_MAX } from './refusal.ts';

/** The other side pings every two seconds. */
const IDLE_MS = 6_000;
/** It has had an answer to a ping by then, unless it cannot ping. And it takes this side for dead after six seconds. */
const QUIET_MS = 3_000;
const CONNECTIONS_PER_PEER = 2;

export interface ChannelHandlerOptions extends ChannelLimits {
  /** Channels of one peer; a newer one cuts the oldest. Default 2. */
  readonly connectionsPerPeer?: number;
  /**
   * Called for each channel, which may be used at once. What it throws is a refusal. A peer that sends nothing for six seconds,
   * not even a ping, is taken for dead.
   */
  readonly accept: (peer: PeerIdentity, channel: Channel) => ChannelEvents;
}

/** For a protocol of policy `member`. */
export function channelHandler(options: ChannelHandlerOptions): ProtocolHandler {
  return {
    frameLimit_bytes: Math.max(options.message_bytes, REFUSAL_BYTES_MAX),
    idle_ms: IDLE_MS,
    quiet_ms: QUIET_MS,
    connectionsPerPeer: options.connectionsPerPeer ?? CONNECTIONS_PER_PEER,
    accept: (connection, { peer }) => {
      if (peer === undefined) {
        throw new CofferError('transport.refused', 'channels are opened for members only');
      }
      const channel = new ConnectionChannel(connection, options);
      return channel.deliverTo(options.accept(peer, channel));
    },
  };
}
