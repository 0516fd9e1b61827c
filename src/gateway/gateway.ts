// SPDX-License-Identifier: Apache-2.0
// The gateway: a Unix socket that any Docker client can use as its engine.
import {
  Agent,
  createServer as createHttpServer,
  type IncomingMessage,
  type Server as HttpServer,
} from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  listenOnUnixSocket,
  type Logger,
  PIPELINED_MAX,
  silentLogger,
  systemErrorCode,
} from '../common/index.ts';
import type { EngineClient } from '../engine/index.ts';
import type { StoreSource, StoreStart } from '../store/index.ts';
import type { GatewayContext } from './context.ts';
import { HEAD_BYTES_MAX } from './engine-call.ts';
import { dockerGroupId } from './docker-group.ts';
import { classifyFirstBytes, FirstBytes } from './first-bytes.ts';
import { LentConnections } from './lent-connections.ts';
import { passThrough } from './pass-through.ts';
import { headBytes, hijackLate } from './late-hijack.ts';
import { type Reply, sendReply } from './reply.ts';
import { isHijackCall, isServiceWrite, secretsRoute } from './route.ts';
import { secretsApp } from './secrets-app.ts';
import { warnOfService } from './service-warnings.ts';
import { tunnelAll, tunnelHijack } from './tunnel.ts';

export interface GatewayOptions {
  /** The engine that stands behind the gateway. */
  readonly engine: EngineClient;
  readonly store: StoreSource;
  /** Default: a store that has started. */
  readonly storeStarted?: StoreStart;
  /** The name under which the engine knows coffer's driver; `coffer` unless given. */
  readonly driverName?: () => string;
  /** Whether an update with other data makes a new version (true) or is refused as the engine does (false). */
  readonly stackRotation?: boolean;
  readonly logger?: Logger;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How long the engine may take to register a secret: 25,000 unless given. It gives up by itself after 20 s. */
  readonly writeTimeout_ms?: number;
}

export interface Gateway {
  /** Listens at `path`, mode 0660, group `docker` if there is one. Rejects with `settings.invalid`. */
  listen(path: string): Promise<void>;
  /** Stops listening, lets the writes that have begun end, and cuts all connections. */
  close(): Promise<void>;
}

/** Makes a gateway. It holds nothing but its connections, and what a peer sends never ends the process. */
export function createGateway(options: GatewayOptions): Gateway {
  const front = new Front({
    engine: options.engine,
    store: options.store,
    storeStarted: options.storeStarted ?? (() => Promise.resolve()),
    driverName: options.driverName ?? (() => 'coffer'),
    stackRotation: options.stackRotation ?? true,
    logger: options.logger ?? silentLogger,
    now: options.now ?? Date.now,
    writeTimeout_ms: options.writeTimeout_ms ?? 25_000,
  });
  return { listen: (path) => front.listen(path), close: () => front.close() };
}

/** A write that the engine never answers ends by its own time-out; closing does not wait for that. */
const CLOSE_TIMEOUT_MS = 5_000;

class Front {
  readonly #context: GatewayContext;
  readonly #server: Server;
  readonly #http: HttpServer;
  readonly #connections = new Set<Socket>();
  readonly #agents = new WeakMap<Socket, Agent>();
  readonly #lent = new LentConnections();
  readonly #underWay = new WeakMap<Socket, number>();
  readonly #app: ReturnType<typeof secretsApp>;
  readonly #writing = new Set<Promise<void>>();
  #removePath: (() => void) | undefined;

  constructor(context: GatewayContext) {
    this.#context = context;
    this.#app = secretsApp(context, {
      agentOf: (request) => this.#agentOf(request),
      track: (work) => this.#track(work),
    });
    this.#http = this.#createHttp();
    // A client that has sent all it has still reads.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.on('error', (error) => {
      context.logger.warn('the gateway cannot take a connection', { code: systemErrorCode(error) });
    });
  }

  async listen(path: string): Promise<void> {
    // It stands for the engine's socket, so it is for the same people.
    this.#removePath = await listenOnUnixSocket(this.#server, path, { groupId: dockerGroupId() });
  }

  async close(): Promise<void> {
    this.#removePath?.();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([Promise.allSettled(this.#writing), expiry]);
    clearTimeout(timer);
    for (const socket of this.#connections) {
      socket.destroy();
    }
    await closed;
  }

  #createHttp(): HttpServer {
    const http = createHttpServer({
      maxHeaderSize: HEAD_BYTES_MAX,
      requireHostHeader: false,
      // The engine's streams and its idle connections have no end in time.
      requestTimeout: 0,
      headersTimeout: 0,
      keepAliveTimeout: 0,
    });
    http.maxHeadersCount = 0;
    // Node's own switch, untyped: answer a client that has shut its sending side.
    Object.assign(http, { httpAllowHalfOpen: true });
    http.on('request', (request, response) => this.#route(request, response));
    http.on('checkContinue', (request: IncomingMessage, response) => {
      const [method, target] = [request.method ?? '', request.url ?? ''];
      if (secretsRoute(method, target) !== undefined || isHijackCall(method, target)) {
        response.writeContinue();
      }
      this.#route(request, response);
    });
    http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    http.on('clientError', (error, socket: Socket) => {
      if (this.#lent.isReserved(socket)) {
        socket.destroy();
      } else {
        refuse(error, socket);
      }
    });
    return http;
  }

  #accept(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => {
      this.#connections.delete(socket);
      this.#agents.get(socket)?.destroy();
    });
    socket.on('error', () => socket.destroy());
    const first = new FirstBytes();
    const settle = (): void => {
      socket.off('data', take);
      socket.off('end', settle);
      socket.pause();
      this.#serve(socket, first.bytes);
    };
    const take = (chunk: Buffer): void => {
      if (first.push(chunk) !== 'more') {
        settle();
      }
    };
    socket.on('data', take);
    socket.on('end', settle);
  }

  #serve(socket: Socket, bytes: Buffer): void {
    const { socketPath } = this.#context.engine;
    switch (classifyFirstBytes(bytes)) {
      case 'http2':
        tunnelAll(socket, bytes, socketPath);
        break;
      case 'hijack':
        tunnelHijack(socket, bytes, socketPath);
        break;
      case 'http':
      case 'more':
        if (socket.readableEnded) {
          socket.end();
          break;
        }
        socket.unshift(bytes);
        this.#lent.lend(this.#http, socket);
        socket.resume();
        break;
    }
  }

  #route(request: IncomingMessage, response: Parameters<typeof passThrough>[1]): void {
    if (this.#lent.isReserved(request.socket)) {
      // Input of a stream that came before the stream had begun; as a call, it would be anybody's.
      request.socket.destroy();
      return;
    }
    if (!this.#admits(request.socket, response)) {
      return;
    }
    if (request.httpVersion === '1.1' && request.headers.host === undefined) {
      sendReply(response, missingHost());
      return;
    }
    if (isHijackCall(request.method ?? '', request.url ?? '')) {
      void hijackLate(request, response, this.#lent, this.#context.engine.socketPath);
    } else if (secretsRoute(request.method ?? '', request.url ?? '') === undefined) {
      const options = { socketPath: this.#context.engine.socketPath, agent: this.#agentOf(request) };
      const isSpec = isServiceWrite(request.method ?? '', request.url ?? '');
      passThrough(request, response, {
        ...options,
        ...(isSpec && { amend: warnOfService(this.#context, request) }),
      });
    } else {
      this.#app(request, response);
    }
  }

  /** Whether there is room for one more; if not, or not any more, the connection is cut: Node would keep all that come. */
  #admits(socket: Socket, response: Parameters<typeof passThrough>[1]): boolean {
    const underWay = this.#underWay.get(socket) ?? 0;
    if (underWay >= PIPELINED_MAX || socket.destroyed) {
      socket.destroy();
      return false;
    }
    this.#underWay.set(socket, underWay + 1);
    response.once('close', () => this.#underWay.set(socket, (this.#underWay.get(socket) ?? 1) - 1));
    return true;
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const socket = stream as Socket;
    if (secretsRoute(request.method ?? '', request.url ?? '') !== undefined) {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const requestBytes = Buffer.concat([headBytes(request, request.rawHeaders), head]);
    tunnelHijack(socket, requestBytes, this.#context.engine.socketPath);
  }

  /** One connection to the engine for each of a client's, so that the engine sees the client come and go. */
  #agentOf(request: IncomingMessage): Agent {
    const { socket } = request;
    const known = this.#agents.get(socket);
    if (known !== undefined) {
      return known;
    }
    const agent = new EngineAgent({ keepAlive: true, maxSockets: 1 });
    this.#agents.set(socket, agent);
    return agent;
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(() => undefined).finally(() => this.#writing.delete(tracked));
    this.#writing.add(tracked);
  }
}

/** Answers on after the gateway has shut its sending side of a connection. */
class EngineAgent extends Agent {
  override createConnection(options: { readonly socketPath?: string }): Socket {
    return connect({ path: options.socketPath ?? '', allowHalfOpen: true });
  }
}

/** What Go's server says before the engine sees the request (RFC 9112, 3.2). */
function missingHost(): Reply {
  const body = Buffer.from('400 Bad Request: missing required Host header');
  const type = ['Content-Type', 'text/plain; charset=utf-8'];
  return { status: 400, headers: [...type, 'Content-Length', String(body.length)], body };
}

/** Answers what is no HTTP, as the engine does. */
function refuse(error: Error, stream: Duplex): void {
  if (!stream.writable || systemErrorCode(error) === 'ECONNRESET') {
    stream.destroy();
    return;
  }
  const status =
    systemErrorCode(error) === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request';
  stream.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`,
  );
}
