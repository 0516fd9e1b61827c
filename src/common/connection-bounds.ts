// SPDX-License-Identifier: Apache-2.0
// What all connections of an HTTP server may cost together. Node bounds how long a head takes and how large it is; it does not bound how many
// requests one connection may have under way, and of too many connections it turns away the newest, which may be the only honest one.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that wait for their answers. No client of ours pipelines, and each may hold a whole answer. */
export const PIPELINED_MAX = 16;
const CHECK_MS = 1_000;

export interface ConnectionBoundsOptions {
  /** Beyond it, whoever keeps the server waiting longest gives way to who comes. */
  readonly connectionsMax: number;
  /**
   * For a request's head from its first byte on, and for what is left of a body that was answered already. Absent: Node's own limits,
   * which also cut who has not sent a byte yet.
   */
  readonly unfinished_ms?: number;
  /** Default: that of the process. */
  readonly monotonic_ms?: () => number;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** One connection, and what is under way on it. */
interface Held {
  readonly socket: Socket;
  readonly address: string;
  readonly underWay: Set<Exchange>;
  /** When something last began or ended. */
  since_ms: number;
  /** How many bytes had come by then. */
  bytesRead: number;
  /** When it was first seen that a request has begun, or that a body goes on behind its answer. */
  unfinishedSince_ms: number | undefined;
}

export class ConnectionBounds {
  readonly #options: ConnectionBoundsOptions;
  readonly #held = new Map<Socket, Held>();
  readonly #now_ms: () => number;

  constructor(options: ConnectionBoundsOptions) {
    this.#options = options;
    this.#now_ms = options.monotonic_ms ?? (() => performance.now());
  }

  /** From now on, the connections of this server. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#hold(socket));
    if (this.#options.unfinished_ms !== undefined) {
      const check = setInterval(() => this.check(), CHECK_MS).unref();
      server.once('close', () => clearInterval(check));
    }
  }

  /** Whether the request is to be answered. If not, its connection is cut: it has sent too many before it had the answers. */
  admits(request: IncomingMessage, response: ServerResponse): boolean {
    const held = this.#held.get(request.socket);
    // Requests that came in one piece with those that were too many are still told of.
    if (held === undefined || request.socket.destroyed) {
      return false;
    }
    if (held.underWay.size >= PIPELINED_MAX) {
      request.socket.destroy();
      return false;
    }
    const exchange = { request, response };
    held.underWay.add(exchange);
    this.#moved(held);
    const settle = (): void => {
      if (response.closed && request.complete && held.underWay.delete(exchange)) {
        this.#moved(held);
      }
    };
    response.once('close', settle);
    request.once('close', settle);
    return true;
  }

  /** Cuts who does not come to an end with a request. */
  check(): void {
    const { unfinished_ms = Number.POSITIVE_INFINITY } = this.#options;
    const now_ms = this.#now_ms();
    for (const held of this.#held.values()) {
      if (!isUnfinished(held)) {
        held.unfinishedSince_ms = undefined;
      } else if (now_ms - (held.unfinishedSince_ms ??= now_ms) > unfinished_ms) {
        held.socket.destroy();
      }
    }
  }

  #hold(socket: Socket): void {
    const { connectionsMax } = this.#options;
    const held: Held = {
      socket,
      address: socket.remoteAddress ?? '',
      underWay: new Set(),
      since_ms: this.#now_ms(),
      bytesRead: 0,
      unfinishedSince_ms: undefined,
    };
    if (this.#held.size >= connectionsMax) {
      const waiting = this.#longestWaiting(held.address);
      if (waiting === undefined) {
        socket.destroy();
        return;
      }
      waiting.socket.destroy();
      this.#held.delete(waiting.socket);
    }
    this.#held.set(socket, held);
    socket.once('close', () => this.#held.delete(socket));
  }

  #moved(held: Held): void {
    held.since_ms = this.#now_ms();
    held.bytesRead = held.socket.bytesRead;
    held.unfinishedSince_ms = undefined;
  }

  /** Of the address that holds most, so that one that floods the server takes no place from others. */
  #longestWaiting(newcomer: string): Held | undefined {
    const counts = new Map<string, number>([[newcomer, 1]]);
    for (const { address } of this.#held.values()) {
      counts.set(address, 1 + (counts.get(address) ?? 0));
    }
    let longest: Held | undefined;
    for (const held of this.#held.values()) {
      const more = (counts.get(held.address) ?? 0) - (counts.get(longest?.address ?? '') ?? 0);
      if (
        !isWorkedOn(held) &&
        (longest === undefined || more > 0 || (more === 0 && held.since_ms < longest.since_ms))
      ) {
        longest = held;
      }
    }
    return longest;
  }
}

/** It waits for the server, and not the server for it. */
function isWorkedOn({ underWay }: Held): boolean {
  return [...underWay].some(({ request, response }) => request.complete && !response.writableEnded);
}

/** A head has begun, or there is a body that nobody waits for. */
function isUnfinished({ bytesRead, socket, underWay }: Held): boolean {
  return underWay.size === 0
    ? socket.bytesRead !== bytesRead
    : [...underWay].some(({ request, response }) => response.closed && !request.complete);
}
