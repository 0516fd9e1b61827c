// SPDX-License-Identifier: Apache-2.0
// What every answer on the plugin's socket has in common.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CofferError } from '../common/index.ts';

/** What moby's own plugin helpers answer with; the engine does not check it. */
const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json';

export function send(response: ServerResponse, status: number, body: string | Buffer): void {
  if (response.headersSent || response.destroyed) {
    return;
  }
  response.writeHead(status, {
    'Content-Type': CONTENT_TYPE,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, JSON.stringify(body));
}

export function sendError(response: ServerResponse, error: CofferError): void {
  sendJson(response, error.status, { Err: error.message });
}

/** A caller that does not finish its request: this connection has no next call. */
export function endAfterUnfinished(
  request: IncomingMessage,
  response: ServerResponse,
  error: CofferError,
): void {
  if (!request.complete && error.code !== 'request.too-large') {
    response.setHeader('Connection', 'close');
    response.once('finish', () => request.socket.destroySoon());
  }
}
