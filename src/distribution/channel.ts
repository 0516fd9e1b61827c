// SPDX-License-Identifier: Apache-2.0
// A connection between a node and the leader, whatever carries it: mutual TLS, or, for the leader's own node, nothing.
import type { CofferError } from '../common/index.ts';

/** One end of it. */
export interface Channel {
  /**
   * Takes a message over, to be sent in order: true. False if the channel is closed, or more waits than it keeps. The payload belongs
   * to the channel from here on, which overwrites it with zeros when it is done with it.
   */
  send(payload: Buffer): boolean;
  /** Resolves when nothing of what was sent waits any more, or the channel is closed. */
  drained(): Promise<void>;
  /** Ends the connection. The other side is told the reason if it is a refusal of this side's. */
  close(reason: CofferError): void;
}

/** What is made of it. */
export interface ChannelEvents {
  /** The payload is the receiver's own: it wipes it. What this throws is told to the other side, and ends the connection. */
  onMessage(payload: Buffer): void;
  /** Called once, when the connection is no more, also after `close`. */
  onClose(reason: CofferError): void;
}
