// SPDX-License-Identifier: Apache-2.0
// A connection to a Unix socket, byte by byte: what no well-behaved client would send, and when.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { waitFor } from './wait-for.ts';

export class RawConnection {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #ended = false;
  #closed = false;
  #errorCode: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on('end', () => {
      this.#ended = true;
    });
    socket.on('close', () => {
      this.#closed = true;
    });
    // A reset is one way in which the other side may end; what came before it counts.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#errorCode = error.code;
    });
  }

  static async open(path: string): Promise<RawConnection> {
    const socket = connect({ path, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** All that has come so far. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** True when the other side has shut its sending side, or the connection is no more. */
  get isOver(): boolean {
    return this.#ended || this.#closed;
  }

  get errorCode(): string | undefined {
    return this.#errorCode;
  }

  /** False when the bytes wait, because the other side does not read. */
  write(bytes: string | Uint8Array): boolean {
    return !this.#socket.destroyed && this.#socket.write(bytes);
  }

  /** Writes and waits until the kernel has all of it; resolves as well when the connection breaks. */
  async writeAll(bytes: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** Shuts the sending side; reading goes on. */
  shutDown(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves to all that came, once `word` is in it. */
  async until(word: string): Promise<Buffer> {
    await waitFor(() => this.received.includes(word), {
      what: `${JSON.stringify(word)} on a connection that gave ${JSON.stringify(this.received.toString('latin1').slice(-500))}`,
      timeout_ms: 10_000,
      interval_ms: 5,
    });
    return this.received;
  }

  /** Resolves to all that came, once the other side has ended the connection. */
  async untilOver(timeout_ms = 10_000): Promise<Buffer> {
    await waitFor(() => this.isOver, { what: 'the other side to end', timeout_ms, interval_ms: 5 });
    return this.received;
  }
}

/** Sends `bytes`, shuts the sending side if told to, and resolves to all that comes until the other side ends. */
export async function exchange(
  path: string,
  bytes: string | Uint8Array,
  options: { readonly shutDown?: boolean; readonly timeout_ms?: number } = {},
): Promise<Buffer> {
  const connection = await RawConnection.open(path);
  try {
    connection.write(bytes);
    if (options.shutDown === true) {
      connection.shutDown();
    }
    return await connection.untilOver(options.timeout_ms);
  } finally {
    connection.destroy();
  }
}
