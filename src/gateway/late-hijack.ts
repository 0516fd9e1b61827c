// SPDX-License-Identifier: Apache-2.0
// A call that takes its connection over without saying so, on a connection that served calls before: Node's server has read it already.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CofferError, readBody } from '../common/index.ts';
import { pairsOf, type RawHeaders } from './headers.ts';
import type { LentConnections } from './lent-connections.ts';
import { errorReply, failureReply, sendReply } from './reply.ts';
import { tunnelHijack } from './tunnel.ts';

/** Such a call has a line of JSON at most. */
const BODY_BYTES_MAX = 1024 * 1024;
const BODY_LIMITS = {
  limit_bytes: BODY_BYTES_MAX,
  tooLarge: () =>
    new CofferError('request.too-large', `such a call has at most ${BODY_BYTES_MAX} bytes of its own`),
};

/** Framing that the call's own, whole body takes the place of. */
const FRAMING: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'expect',
  'trailer',
  'te',
]);

/** Takes the call's connection from Node's server, and joins it to the engine. It never throws. */
export async function hijackLate(
  request: IncomingMessage,
  response: ServerResponse,
  lent: LentConnections,
  socketPath: string,
): Promise<void> {
  const { socket } = request;
  if (response.socket !== socket) {
    response.shouldKeepAlive = false;
    sendReply(
      response,
      errorReply(400, 'coffer: attach and exec come alone, not behind a call that is not answered yet'),
    );
    return;
  }
  lent.reserve(socket);
  let body: Buffer;
  try {
    body = await readBody(request, BODY_LIMITS);
  } catch (thrown) {
    response.shouldKeepAlive = false;
    sendReply(response, failureReply(thrown));
    return;
  }
  response.detachSocket(socket);
  lent.takeBack(socket);
  const headers = pairsOf(request.rawHeaders).filter(([name]) => !FRAMING.has(name.toLowerCase()));
  const head = headBytes(request, [...headers.flat(), 'Content-Length', String(body.length)]);
  tunnelHijack(socket, Buffer.concat([head, body]), socketPath);
}

/** A request's first line and these headers, with the empty line behind them. */
export function headBytes(request: IncomingMessage, headers: RawHeaders): Buffer {
  const first = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
  const lines = pairsOf(headers).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`${[first, ...lines].join('\r\n')}\r\n\r\n`, 'latin1');
}
