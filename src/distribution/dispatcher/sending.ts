// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../../common/index.ts';
import type { Channel } from '../../transport/index.ts';
import type { AssignmentMessage } from './assignment-messages.ts';

export interface SendingOptions {
  readonly channel: Channel;
  readonly messages: Generator<AssignmentMessage, void>;
  /** One more was sent. */
  readonly onSent: () => void;
  /** Called once, after the last one, unless it was cancelled. */
  readonly onDone: () => void;
  /** Called once instead, with what reading a value has thrown, or `transport.unreachable`. */
  readonly onFailed: (thrown: unknown) => void;
}

/**
 * An assignment on its way to a node. The next message is made when the one before is written, so that a node that reads slowly
 * costs one message of memory, however much it is due.
 */
export class Sending {
  readonly #options: SendingOptions;
  #cancelled = false;
  /** While a value is being read. */
  #isReading = false;

  constructor(options: SendingOptions) {
    this.#options = options;
  }

  /** An assignment of one message is sent before it returns. */
  next(): void {
    const { channel, onDone, onFailed, onSent } = this.#options;
    if (this.#cancelled) {
      return;
    }
    try {
      const next = this.#read();
      if (next === undefined) {
        return;
      }
      if (next.done === true) {
        onDone();
        return;
      }
      const { payload, zeros_bytes } = next.value;
      if (!channel.send(payload, zeros_bytes)) {
        throw new CofferError('transport.unreachable', 'the node does not take what it is sent');
      }
      onSent();
      if (next.value.more) {
        void channel.drained().then(() => this.next());
        return;
      }
    } catch (thrown) {
      onFailed(thrown);
      return;
    }
    this.next();
  }

  /** What was read and not sent is wiped. */
  cancel(): void {
    this.#cancelled = true;
    // A store that fails while it is read ends the session as well.
    if (!this.#isReading) {
      this.#options.messages.return();
    }
  }

  /** Undefined if it was cancelled meanwhile. */
  #read(): IteratorResult<AssignmentMessage, void> | undefined {
    const { messages } = this.#options;
    this.#isReading = true;
    try {
      const next = messages.next();
      if (!this.#cancelled) {
        return next;
      }
      if (next.done !== true) {
        next.value.payload.fill(0);
      }
    } finally {
      this.#isReading = false;
    }
    messages.return();
    return undefined;
  }
}
