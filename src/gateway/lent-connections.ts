// SPDX-License-Identifier: Apache-2.0
// Connections that Node's HTTP server reads, and that can be had back from it. Docker's clients may turn a connection into a stream
// without an `Upgrade` header, by a call that is not the first one on it; Node would go on and read that stream as requests.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

type Listener = Parameters<Socket['on']>[1];

/** What Node's server listens to. It stays with `close`, by which it lets go of its parser. */
const READING_EVENTS = ['data', 'end', 'drain', 'error'] as const;

export class LentConnections {
  readonly #ends = new WeakMap<Socket, () => void>();
  readonly #taken = new WeakSet<Socket>();

  /** Has the server read the requests that come by a connection. */
  lend(http: Server, socket: Socket): void {
    const own = new Map(READING_EVENTS.map((event) => [event, new Set<unknown>(socket.listeners(event))]));
    http.emit('connection', socket);
    this.#ends.set(socket, () => {
      const discard = (): void => undefined;
      // Whoever listens to a socket's data takes its handle from the parser, which reads it without the socket otherwise.
      socket.on('data', discard);
      for (const event of READING_EVENTS) {
        for (const listener of socket.listeners(event)) {
          if (isListener(listener) && listener !== discard && own.get(event)?.has(listener) !== true) {
            socket.off(event, listener);
          }
        }
      }
      socket.off('data', discard);
    });
  }

  /** Announces that a connection is taken back: what comes next is no request. */
  reserve(socket: Socket): void {
    this.#taken.add(socket);
  }

  /** Whether the connection is no longer one for requests, even where the server has found one in it. */
  isReserved(socket: Socket): boolean {
    return this.#taken.has(socket);
  }

  /** Ends the server's reading. The caller listens to the connection from this very moment on. */
  takeBack(socket: Socket): void {
    this.#ends.get(socket)?.();
  }
}

/** Node's types say less of what listens than Node's types of listening ask for. */
function isListener(listener: unknown): listener is Listener {
  return typeof listener === 'function';
}
