// SPDX-License-Identifier: Apache-2.0
// A syslog receiver within the test's process, for streams: it can stall, break off, go away and come back.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { parseSyslogMessage, readOctetCounted, type SyslogMessage } from './syslog-messages.ts';

export interface ReceiverOptions {
  /** A path, for a Unix socket; default: a TCP port of 127.0.0.1. */
  readonly path?: string;
  /** PEM; speaks TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string | Buffer };
}

export class SyslogReceiver {
  readonly #options: ReceiverOptions;
  #server: Server | undefined;
  #port = 0;
  #isStalled = false;
  readonly #sockets = new Set<Socket>();
  /** What has come over each connection, in their order. */
  readonly #streams: Buffer[] = [];

  private constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  static async start(options: ReceiverOptions = {}): Promise<SyslogReceiver> {
    const receiver = new SyslogReceiver(options);
    await receiver.start();
    return receiver;
  }

  get port(): number {
    return this.#port;
  }

  /** How many connections there were. */
  get connections(): number {
    return this.#streams.length;
  }

  /** The messages of one connection, or of all of them in their order. */
  messages(connection?: number): readonly SyslogMessage[] {
    return this.#streams
      .filter((_, index) => connection === undefined || index === connection)
      .flatMap((stream) => readOctetCounted(stream).messages.map(parseSyslogMessage));
  }

  lines(connection?: number): readonly string[] {
    return this.messages(connection).map(({ text }) => text);
  }

  /** Listens, on the port of before if there was one. */
  async start(): Promise<void> {
    const { path, tls } = this.#options;
    // A stalled receiver has not even read what comes first.
    const onSocket = (socket: Socket): void => this.#take(socket);
    const server =
      tls === undefined
        ? createServer({ pauseOnConnect: true }, onSocket)
        : createTlsServer({ cert: tls.certificate, key: tls.key }, onSocket);
    server.on('tlsClientError', () => undefined);
    server.listen(path === undefined ? { port: this.#port, host: '127.0.0.1' } : { path });
    await once(server, 'listening');
    const address = server.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#server = server;
  }

  /** Reads nothing more until `goOn`. */
  stall(): void {
    this.#isStalled = true;
    this.#sockets.forEach((socket) => socket.pause());
  }

  goOn(): void {
    this.#isStalled = false;
    this.#sockets.forEach((socket) => socket.resume());
  }

  /** Ends all connections, with what lies in them unread. */
  breakOff(): void {
    this.#sockets.forEach((socket) => socket.resetAndDestroy());
  }

  /** Ends all connections and listens no more. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) {
      const closed = once(server, 'close');
      server.close();
      this.#sockets.forEach((socket) => socket.destroy());
      await closed;
    }
  }

  #take(socket: Socket): void {
    const index = this.#streams.push(Buffer.alloc(0)) - 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#streams[index] = Buffer.concat([this.#streams[index] ?? Buffer.alloc(0), chunk]);
    });
    if (this.#isStalled) {
      socket.pause();
    } else {
      socket.resume();
    }
  }
}
