// SPDX-License-Identifier: Apache-2.0
// HTTP over loopback with as little of the client as possible: on two cores, Node's own would be half of what is measured.
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';

/** One connection that is kept, with one request at a time on it. */
export class HttpConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #settle: { readonly resolve: (body: string) => void; readonly reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
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

  /** Resolves to the body of an answer with status 200, and rejects for any other. */
  post(path: string, body: string | Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      const length = Buffer.byteLength(body);
      this.#socket.cork();
      this.#socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}${HEAD_END}`);
      this.#socket.write(body);
      this.#socket.uncork();
    });
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
    const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, bodyStart))?.[1];
    if (length === undefined) {
      this.#settle?.reject(new Error('the answer has no length'));
    } else if (text.length >= bodyStart + Number(length)) {
      this.#received = Buffer.alloc(0);
      const body = text.slice(bodyStart);
      if (text.startsWith('HTTP/1.1 200')) {
        this.#settle?.resolve(body);
      } else {
        this.#settle?.reject(new Error(`the server answered ${text.slice(9, 12)}: ${body.slice(0, 200)}`));
      }
    }
  }
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
