// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { Channel, ChannelEvents } from '../transport/index.ts';

/** As much as a connection keeps for a peer that does not read. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

/**
 * A channel within this process, for the leader's own node: what one end sends, the other has in a later turn, in order.
 * `accept` makes what is at the far end, and may throw its refusal; `near` is what is at this one.
 */
export function openLocalChannel(accept: (channel: Channel) => ChannelEvents, near: ChannelEvents): Channel {
  const nearEnd = new End();
  const farEnd = new End();
  nearEnd.join(farEnd, near);
  farEnd.join(nearEnd);
  farEnd.listen(accept(farEnd));
  return nearEnd;
}

class End implements Channel {
  #other: End | undefined;
  #events: ChannelEvents | undefined;
  #waiting: Buffer[] = [];
  #waiting_bytes = 0;
  #drainWaiters: (() => void)[] = [];
  #closed = false;

  join(other: End, events?: ChannelEvents): void {
    this.#other = other;
    this.#events = events;
  }

  listen(events: ChannelEvents): void {
    this.#events = events;
  }

  send(payload: Buffer, zerosBehind_bytes = 0): boolean {
    const other = this.#other;
    const message = ended(payload, zerosBehind_bytes);
    if (this.#closed || other === undefined || !other.#takes(message)) {
      message.fill(0);
      return false;
    }
    return true;
  }

  drained(): Promise<void> {
    return this.#other?.delivered() ?? Promise.resolve();
  }

  /** Resolves when what was sent to this end has come, or it is closed. */
  delivered(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || this.#waiting.length === 0) {
        resolve();
      } else {
        this.#drainWaiters.push(resolve);
      }
    });
  }

  close(reason: CofferError): void {
    this.#end(reason);
    if (this.#other !== undefined) {
      this.#other.#end(reason);
    }
  }

  #takes(payload: Buffer): boolean {
    if (this.#closed || this.#waiting_bytes + payload.length > WAITING_BYTES_MAX) {
      return false;
    }
    this.#waiting.push(payload);
    this.#waiting_bytes += payload.length;
    if (this.#waiting.length === 1) {
      setImmediate(() => this.#deliver());
    }
    return true;
  }

  #deliver(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    this.#waiting_bytes = 0;
    for (const message of messages) {
      if (this.#closed) {
        message.fill(0);
      } else {
        this.#deliverOne(message);
      }
    }
    this.#releaseDrainWaiters();
  }

  #releaseDrainWaiters(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    waiters.forEach((resolve) => resolve());
  }

  #deliverOne(message: Buffer): void {
    try {
      this.#events?.onMessage(message);
    } catch (thrown) {
      this.close(CofferError.from(thrown));
    }
  }

  #end(reason: CofferError): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#releaseDrainWaiters();
      setImmediate(() => this.#events?.onClose(reason));
    }
  }
}

/** The payload with zeros behind it, and itself overwritten if it was copied. */
function ended(payload: Buffer, zeros_bytes: number): Buffer {
  if (zeros_bytes === 0) {
    return payload;
  }
  const message = Buffer.alloc(payload.length + zeros_bytes);
  message.set(payload);
  payload.fill(0);
  return message;
}
