// SPDX-License-Identifier: Apache-2.0
// Messages in both directions over one connection, in order, until it breaks.
import { CofferError } from '../common/index.ts';
import type { Connection, ConnectionEvents } from './connection.ts';
import { FRAME, invalidFrame, unexpectedFrame } from './frame.ts';
import { decodeRefusal, travellingError } from './refusal.ts';

/** One end of it. */
export interface Channel {
  /**
   * Takes a message over, to be sent in order: true. False if the channel is closed, or if too much waits because the other side
   * does not read: then it is cut. The payload belongs to the channel from here on, which overwrites it with zeros. The message ends
   * with as many zeros as are asked for, up to `ZEROS_BEHIND_BYTES_MAX`: memory of its own for them would cost more than all the rest.
   */
  send(payload: Buffer, zerosBehind_bytes?: number): boolean;
  /** Resolves when nothing of what was sent waits any more, or the channel is closed. */
  drained(): Promise<void>;
  /** Ends the connection, and tells the other side why. What was sent before is still written. */
  close(reason: CofferError): void;
}

/** What is made of it. */
export interface ChannelEvents {
  /**
   * The payload is the receiver's own, to be overwritten when it holds a secret; it may be a view of a larger buffer. What this
   * throws is told to the other side, and ends the connection.
   */
  onMessage(payload: Buffer): void;
  /** Called once, when the connection is no more, also after `close`. A refusal of the other side is in its own words. */
  onClose(reason: CofferError): void;
}

export interface ChannelLimits {
  /** The largest message that is taken. */
  readonly message_bytes: number;
  /** What may wait to be written: a side for which more waits is cut. At least one message of this side's. */
  readonly queue_bytes: number;
}

/** This side of a connection that both have accepted. */
export class ConnectionChannel implements Channel {
  readonly #connection: Connection;
  readonly #limits: ChannelLimits;

  constructor(connection: Connection, limits: ChannelLimits) {
    this.#connection = connection;
    this.#limits = limits;
  }

  send(payload: Buffer, zerosBehind_bytes = 0): boolean {
    const connection = this.#connection;
    const { queue_bytes } = this.#limits;
    const fits = connection.queued_bytes + payload.length + zerosBehind_bytes <= queue_bytes;
    if (connection.isOpen && fits) {
      connection.send(FRAME.data, payload, { wipe: true, zerosBehind_bytes });
      return true;
    }
    payload.fill(0);
    if (connection.isOpen) {
      const how = `more than ${queue_bytes} bytes wait for ${connection.peerName}, which does not read them`;
      connection.destroy(new CofferError('transport.unreachable', how));
    }
    return false;
  }

  drained(): Promise<void> {
    return this.#connection.drained();
  }

  close(reason: CofferError): void {
    this.#connection.refuse(reason);
  }

  /** The connection's frames, as messages for `events`. */
  deliverTo(events: ChannelEvents): ConnectionEvents {
    return {
      onFrame: (type, payload) => {
        if (type === FRAME.refused) {
          this.#connection.destroy(decodeRefusal(payload));
        } else if (type === FRAME.data) {
          this.#deliver(payload, events);
        } else {
          throw unexpectedFrame(type);
        }
      },
      onClose: (reason) => events.onClose(reason),
    };
  }

  #deliver(payload: Buffer, events: ChannelEvents): void {
    const { message_bytes } = this.#limits;
    // The connection itself takes a little more, so that a refusal fits.
    if (payload.length > message_bytes) {
      throw invalidFrame(
        `a message of ${payload.length} bytes where ${message_bytes} are the most there can be`,
      );
    }
    try {
      events.onMessage(payload);
    } catch (thrown) {
      this.#connection.refuse(travellingError(thrown));
    }
  }
}
