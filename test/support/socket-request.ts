// SPDX-License-Identifier: Apache-2.0
// One HTTP request over a Unix socket.
import http from 'node:http';

export interface SocketRequest {
  readonly path: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string or bytes are sent as they are; anything else as JSON. */
  readonly body?: unknown;
  /** Default 10,000. */
  readonly timeout_ms?: number;
}

export interface SocketReply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body parsed as JSON; throws when it is none. */
  json(): unknown;
}

/** Sends a request to the server that listens on `socket` and resolves to its whole reply. */
export async function requestOverSocket(socket: string, request: SocketRequest): Promise<SocketReply> {
  const { body } = request;
  const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const payload = raw ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = http.request(
      {
        socketPath: socket,
        path: request.path,
        method: request.method ?? 'GET',
        headers: { ...(raw ? {} : { 'content-type': 'application/json' }), ...request.headers },
        agent: false,
        timeout: request.timeout_ms ?? 10_000,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString('utf8');
          const { statusCode = 0, headers } = incoming;
          resolve({ status: statusCode, headers, bytes, text, json: () => JSON.parse(text) as unknown });
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no reply to ${request.path} in time`)));
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}
