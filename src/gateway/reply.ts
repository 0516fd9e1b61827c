// SPDX-License-Identifier: Apache-2.0
// Whole answers: those that coffer makes itself, and those of the engine that it has read to the end.
import type { ServerResponse } from 'node:http';
import { CofferError } from '../common/index.ts';
import { endToEnd, identityHeaders, pairsOf, type RawHeaders } from './headers.ts';

export interface Reply {
  readonly status: number;
  /** Undefined: the standard one of the status. */
  readonly statusMessage?: string | undefined;
  readonly headers: RawHeaders;
  readonly body: Buffer;
}

/** An answer as the engine gives it: JSON that ends in a newline; `engine` lends the headers that name the engine. */
export function jsonReply(status: number, value: unknown, engine: RawHeaders = []): Reply {
  const body = Buffer.from(`${JSON.stringify(value)}\n`);
  // Go writes headers in the order of their names, and the length last.
  const named = pairsOf([...identityHeaders(engine), 'Content-Type', 'application/json']);
  named.sort(([one], [other]) => (one < other ? -1 : 1));
  return { status, headers: [...named.flat(), 'Content-Length', String(body.length)], body };
}

/** An error as the engine gives it, which the CLI prints after "Error response from daemon: ". */
export function errorReply(status: number, message: string, engine: RawHeaders = []): Reply {
  return jsonReply(status, { message }, engine);
}

/** An answer without a body. */
export function emptyReply(status: number, engine: RawHeaders = []): Reply {
  const length = status === 204 ? [] : ['Content-Length', '0'];
  return { status, headers: [...identityHeaders(engine), ...length], body: Buffer.alloc(0) };
}

/** coffer's own failure, with what the reader can do about it. */
export function failureReply(thrown: unknown, engine: RawHeaders = []): Reply {
  const error = CofferError.from(thrown);
  const hint = error.hint === undefined ? '' : ` (${error.hint})`;
  // The engine stands behind this socket, so its absence is the socket's own.
  const status = error.code === 'engine.unreachable' ? 503 : error.status;
  return errorReply(status, `coffer: ${error.detail}${hint}`, engine);
}

/** Sends an answer; nothing happens if the client is gone. */
export function sendReply(response: ServerResponse, reply: Reply): void {
  if (response.destroyed || response.headersSent) {
    return;
  }
  settleConnection(response);
  const headers = endToEnd(reply.headers);
  if (reply.statusMessage === undefined) {
    response.writeHead(reply.status, headers);
  } else {
    response.writeHead(reply.status, reply.statusMessage, headers);
  }
  response.end(reply.body);
}

/**
 * Decides whether the connection stays after this answer. The engine writes no header about one that does, and Node
 * would; taking that header away makes Node forget that a client which has shut its sending side gets no next answer.
 */
export function settleConnection(response: ServerResponse): void {
  if (response.req.socket.readableEnded) {
    response.shouldKeepAlive = false;
  }
  if (response.shouldKeepAlive) {
    response.removeHeader('Connection');
  }
}
