// SPDX-License-Identifier: Apache-2.0
// HTTP over loopback with as little of the client as possible: on two cores, Node's own would be half of what is measured.
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

/** One connection that is kept, with one request at a time on it. */
export class HttpConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #settle:
    | { readonly resolve: (reply: HttpReply) => void; readonly reject: (error: Error) => void }
    | undefined;

  /** Over a socket that is connected: TCP, TLS or Unix. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.#settle?.reject(error));
    socket.on('close', () => this.#settle?.reject(new Error('the server has closed the connection')));
  }

  static open(port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port }, () => resolve(new HttpConnection(socket)));
      socket.once('error', reject);
    });
  }

  /** Resolves to the answer, whatever its status is. */
  request({ method, path, headers = {}, body = '' }: HttpRequest): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('the connection is closed'));
        return;
      }
      this.#settle = { resolve, reject };
      const lines = Object.entries({
        Host: 'localhost',
        'Content-Length': String(Buffer.byteLength(body)),
        ...headers,
      }).map(([name, value]) => `${name}: ${value}\r\n`);
      this.#socket.cork();
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
      this.#socket.write(body);
      this.#socket.uncork();
    });
  }

  /** Resolves to the body of an answer with status 200, and rejects for any other. */
  async post(path: string, body: string | Buffer): Promise<string> {
    return bodyOf(await this.request({ method: 'POST', path, body }), 200);
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const text = this.#received.toString('latin1');
    const bodyStart = text.indexOf(HEAD_END) + HEAD_END.length;
    if (bodyStart < HEAD_END.length) {
      return;
    }
    const status = Number(text.slice(9, 12));
    const found = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, bodyStart))?.[1];
    const length = status === 204 ? 0 : Number(found);
    if (Number.isNaN(length)) {
      this.#settle?.reject(new Error('the answer has no length'));
    } else if (text.length >= bodyStart + length) {
      this.#received = Buffer.alloc(0);
      this.#settle?.resolve({ status, body: text.slice(bodyStart) });
    }
  }
}

/** The body of a reply with the status that is expected; throws for any other. */
export function bodyOf({ status, body }: HttpReply, expected: number): string {
  if (status !== expected) {
    throw new Error(`the server answered ${status}: ${body.slice(0, 200)}`);
  }
  return body;
}

/** Runs `work` with as many connections as asked for. */
export async function withConnections<T>(
  port: number,
  count: number,
  work: (connections: readonly HttpConnection[]) => Promise<T>,
): Promise<T> {
  const connections = await Promise.all(Array.from({ length: count }, () => HttpConnection.open(port)));
  try {
    return await work(connections);
  } finally {
    connections.forEach((connection) => connection.close());
  }
}
