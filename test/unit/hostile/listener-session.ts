// SPDX-License-Identifier: Apache-2.0
// A listener to which one connection after the other brings bytes.
import { connect } from 'node:net';
import type { HttpListener, Owner } from './http-listeners.ts';

/** Turns of the event loop without a word, after which nobody waits for more. */
const QUIET_TURNS = 12;
const END_MS = 10_000;

export interface Exchanged {
  readonly answer: string;
  /** What an answer must not be. */
  readonly problem: string | undefined;
}

export class HttpListenerSession {
  readonly #start: (owner: Owner) => Promise<HttpListener>;
  readonly #isThread: boolean;
  #listener: Promise<HttpListener> | undefined;
  #ends: (() => unknown)[] = [];

  /** It starts with the first exchange. */
  constructor(start: (owner: Owner) => Promise<HttpListener>, { isThread }: { readonly isThread: boolean }) {
    this.#start = start;
    this.#isThread = isThread;
  }

  async exchange(bytes: Buffer): Promise<Exchanged> {
    const { place } = await (this.#listener ??= this.#listen());
    const chunks: Buffer[] = [];
    const socket = connect({ ...place, allowHalfOpen: true });
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
    });
    let quiet = 0;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      quiet = 0;
    });
    await new Promise<void>((resolve) => {
      socket.write(bytes, () => resolve());
    });
    for (; quiet < QUIET_TURNS && !socket.readableEnded && !socket.destroyed; quiet += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    socket.end();
    const late = setTimeout(() => socket.destroy(new Error('late')), END_MS);
    await closed;
    clearTimeout(late);
    const answer = Buffer.concat(chunks).toString('latin1');
    return { answer, problem: socket.errored?.message === 'late' ? 'stays open' : problemIn(answer) };
  }

  async stop(): Promise<void> {
    await this.#listener;
    this.#listener = undefined;
    const ends = this.#ends.toReversed();
    this.#ends = [];
    for (const end of ends) {
      await end();
    }
  }

  async #listen(): Promise<HttpListener> {
    if (this.#isThread) {
      // It is the whole process's, and Node lets no thread set it.
      Object.assign(process, { umask: () => 0 });
    }
    return this.#start({ after: (end) => void this.#ends.push(end) });
  }
}

function problemIn(answer: string): string | undefined {
  if (answer !== '' && !/^HTTP\/1\.1 \d{3} /.test(answer)) {
    return 'an answer that is none of HTTP';
  }
  if (/(?:^|\n|\})HTTP\/1\.1 5\d\d /.test(answer) || answer.includes('internal.')) {
    return 'a failure of its own';
  }
  return /\n\s+at \S+ \(|node:internal/.test(answer) ? 'a stack in an answer' : undefined;
}
