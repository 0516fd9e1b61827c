// SPDX-License-Identifier: Apache-2.0
// A stream of chunks between two nodes: it comes as fast as the link and the reader allow, and may break off.
import { CofferError } from '../../../src/common/index.ts';

type Step =
  | { readonly kind: 'chunk'; readonly chunk: Buffer }
  | { readonly kind: 'end' }
  | { readonly kind: 'broken' };

interface Waiting {
  readonly resolve: (result: IteratorResult<Buffer>) => void;
  readonly reject: (error: CofferError) => void;
}

/** The receiving end: whoever reads it waits for what `push` brings. */
export class IncomingChunks implements AsyncIterable<Buffer>, AsyncIterator<Buffer> {
  readonly #steps: Step[] = [];
  #waiting: Waiting | undefined;
  #finished = false;
  /** The connection broke off; the reader may not know yet. */
  broken = false;

  /** Whether the reader has given up. */
  get finished(): boolean {
    return this.#finished;
  }

  get length(): number {
    return this.#steps.length;
  }

  push(step: Step): void {
    this.#steps.push(step);
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      this.#settle(waiting);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return this;
  }

  next(): Promise<IteratorResult<Buffer>> {
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      if (this.#finished || this.#steps.length > 0) {
        this.#settle(waiting);
      } else {
        this.#waiting = waiting;
      }
    });
  }

  async return(): Promise<IteratorResult<Buffer>> {
    this.finish();
    return { done: true, value: undefined };
  }

  /** Nobody reads any further. */
  finish(): void {
    this.#finished = true;
  }

  #settle({ resolve, reject }: Waiting): void {
    const step = this.#steps.shift();
    if (step === undefined || step.kind === 'end') {
      this.#finished = true;
      resolve({ done: true, value: undefined });
    } else if (step.kind === 'broken') {
      this.#finished = true;
      reject(new CofferError('store.unavailable', 'the connection broke off'));
    } else {
      resolve({ done: false, value: step.chunk });
    }
  }
}
