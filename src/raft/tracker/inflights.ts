// SPDX-License-Identifier: Apache-2.0
// The window of appends that a peer was sent and has not acknowledged yet.
import { invariant } from '../../common/index.ts';

interface Inflight {
  /** Of the last entry in the message. */
  readonly index: number;
  readonly bytes: number;
}

/**
 * Counts the appends on their way to one peer, and bounds them by number and by bytes: what the network and the
 * peer must hold at once. The bound in bytes is soft, since the message that crosses it is still sent.
 */
export class Inflights {
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  /** A ring of up to `maxMessages` places. It grows only while it is being filled, and most peers never fill it. */
  readonly #ring: Inflight[] = [];
  #start = 0;
  #count = 0;
  #bytes = 0;

  /** `maxBytes` 0 means that only the number is bounded. */
  constructor(maxMessages: number, maxBytes: number) {
    invariant(
      Number.isSafeInteger(maxMessages) && maxMessages > 0,
      `a window of ${maxMessages} messages lets nothing through`,
    );
    invariant(maxBytes >= 0, `a window cannot hold ${maxBytes} bytes`);
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  /** Messages on their way. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of their entries' data. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the next message must wait for an acknowledgement. */
  full(): boolean {
    return this.#count >= this.#maxMessages || (this.#maxBytes > 0 && this.#bytes >= this.#maxBytes);
  }

  /** A message whose last entry is `index` leaves. The window must not be full, and `index` never goes back. */
  add(index: number, bytes: number): void {
    invariant(!this.full(), 'no append is sent into a full window');
    const last = this.#count === 0 ? undefined : this.#at(this.#count - 1);
    invariant(last === undefined || last.index <= index, 'appends leave in the order of the log');
    this.#ring[this.#place(this.#count)] = { index, bytes };
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** The peer has everything up to `index`: messages that end there or before have arrived. */
  freeLe(index: number): void {
    while (this.#count > 0) {
      const oldest = this.#at(0);
      if (oldest.index > index) {
        return;
      }
      this.#start = this.#place(1);
      this.#count -= 1;
      this.#bytes -= oldest.bytes;
    }
    // An empty window begins at the front again, so that light traffic stays within the places that exist.
    this.#start = 0;
  }

  /** Whatever was on its way is not waited for any more. */
  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  /** An equal window that shares nothing with this one. */
  clone(): Inflights {
    const copy = new Inflights(this.#maxMessages, this.#maxBytes);
    for (let offset = 0; offset < this.#count; offset += 1) {
      const { index, bytes } = this.#at(offset);
      copy.add(index, bytes);
    }
    return copy;
  }

  #place(offset: number): number {
    return (this.#start + offset) % this.#maxMessages;
  }

  #at(offset: number): Inflight {
    const inflight = this.#ring[this.#place(offset)];
    invariant(inflight !== undefined, 'each place of the window that is in use has been filled');
    return inflight;
  }
}
