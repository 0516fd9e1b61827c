// SPDX-License-Identifier: Apache-2.0
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import {
  CofferError,
  ConnectionBounds,
  listenOnUnixSocket,
  type Logger,
  RequestContext,
  systemErrorCode,
} from '../common/index.ts';
import { controlApp } from './app.ts';
import { describeError } from './describe.ts';
import { putRoutes } from './put-routes.ts';
import { putValue } from './put-value.ts';
import { type ControlLimits, type ControlOptions, DEFAULT_LIMITS } from './options.ts';
import { DRILL_PATH, RESTORE_PATH } from './route-list.ts';

/** Labels travel in the query, so a request's head may be larger than Node's 16 KiB. */
const HEAD_BYTES_MAX = 64 * 1024;
const CLOSE_GRACE_MS = 2_000;
const REFUSAL_LINGER_MS = 500;
const UNHURRIED: readonly string[] = [RESTORE_PATH, DRILL_PATH];
const LATE_REQUEST = 'ERR_HTTP_REQUEST_TIMEOUT';

/** coffer's own API on a Unix socket. */
export interface ControlServer {
  /** Serves on `path`, mode 0600. Rejects as `listenOnUnixSocket` does; nothing is left behind then. */
  listen(path: string): Promise<void>;
  /** Ends within some 2 seconds: requests under way may finish, whoever is slower is cut. */
  close(): Promise<void>;
}

/** Makes coffer's own API. It serves from its first moment: what is not ready says so in its answers. */
export function createControlServer(options: ControlOptions): ControlServer {
  const server = httpServer(options, { ...DEFAULT_LIMITS, ...options.limits });
  let removePath = (): void => undefined;
  return {
    async listen(path) {
      removePath = await listenOnUnixSocket(server, path);
      server.on('error', (error) =>
        options.logger.error('the control socket failed', { cause: error.message }),
      );
    },
    async close() {
      removePath();
      await closeGracefully(server);
    },
  };
}

function httpServer(options: ControlOptions, limits: ControlLimits): Server {
  const puts = putRoutes(options);
  const app = controlApp(options, puts);
  const takePut = putValue({ put: puts.putValue, logger: options.logger });
  /** Those whose request takes as long as it takes, as long as something moves. */
  const unhurried = new WeakSet<Socket>();
  const bounds = new ConnectionBounds({ connectionsMax: limits.connectionsMax });
  const server = createServer(
    {
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: limits.headersTimeout_ms,
      requestTimeout: limits.requestTimeout_ms,
      connectionsCheckingInterval: limits.checkInterval_ms,
    },
    (request, response) => {
      if (!bounds.admits(request, response)) {
        return;
      }
      if (UNHURRIED.some((path) => request.url?.startsWith(path) === true)) {
        unhurried.add(request.socket);
      }
      const context = new RequestContext(request.headers['x-request-id']);
      response.setHeader('X-Request-Id', context.id);
      response.once('close', () => endRequest(context, request, response, options.logger));
      // A put has its id handed on: that costs less than what lets one follow by itself.
      if (!takePut(request, response, context.id)) {
        context.run((): void => {
          app(request, response);
        });
      }
    },
  );
  server.timeout = limits.idleTimeout_ms;
  bounds.watch(server);
  const refused = new WeakSet<Socket>();
  server.on('clientError', (error, stream) => {
    const socket = stream as Socket;
    if (unhurried.has(socket) && systemErrorCode(error) === LATE_REQUEST) {
      return;
    }
    // What still comes of the same client is met with the same error.
    if (!refused.has(socket)) {
      refused.add(socket);
      refuseConnection(error, socket, options.logger);
    }
  });
  // CONNECT and protocol upgrades are not for this API.
  server.on('connect', (_request, socket) => socket.destroy());
  return server;
}

/** Not the path: it holds a secret's name. */
function endRequest(
  context: RequestContext,
  { method }: IncomingMessage,
  { statusCode, writableFinished }: ServerResponse,
  logger: Logger,
): void {
  const outcome = { method, status: statusCode, complete: writableFinished };
  logger.debug('a control request has ended', { ...outcome, request: context.id });
  context.end();
}

/** Answers what never became a request: bytes that are not HTTP, a head that is too large, a client too slow. */
function refuseConnection(thrown: Error, socket: Socket, logger: Logger): void {
  const code = systemErrorCode(thrown);
  logger.debug('a control connection was refused', { code });
  if (!socket.writable || socket.bytesWritten > 0) {
    // An answer may be half-way out; more bytes would only corrupt it.
    socket.destroy();
    return;
  }
  const error = errorOf(code);
  const body = JSON.stringify(describeError(error));
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // Closed at once, with bytes of the client unread, the connection would be reset, and the answer lost.
  const cut = setTimeout(() => socket.destroy(), REFUSAL_LINGER_MS).unref();
  socket.once('close', () => clearTimeout(cut));
}

function errorOf(code: string | undefined): CofferError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new CofferError('request.too-large', `the request's head has more than ${HEAD_BYTES_MAX} bytes`);
  }
  return code === LATE_REQUEST
    ? new CofferError('request.invalid', 'the request did not arrive in time')
    : new CofferError('request.invalid', 'this is not HTTP/1.1');
}

async function closeGracefully(server: Server): Promise<void> {
  if (!server.listening) {
    return;
  }
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(cut);
}
