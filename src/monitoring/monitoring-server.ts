// SPDX-License-Identifier: Apache-2.0
// The port for monitors. It offers what they ask for and nothing else, to whoever reaches it: no name of a secret that was not
// asked for by a setting, and never a value.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { CofferError, ConnectionBounds, type Logger, refuseBadRequests } from '../common/index.ts';
import {
  type Monitored,
  MONITORING_PATHS,
  monitoringAnswer,
  type MonitoringAnswer,
  monitoringPathIn,
} from './answers.ts';

export interface MonitoringServerOptions {
  readonly host: string;
  readonly port: number;
  readonly monitored: Monitored;
  readonly logger: Logger;
  /** How long until an address that could not be had is tried again. Default: 5,000. */
  readonly retry_ms?: number;
  /** For a whole request. Default: 5,000. */
  readonly requestTimeout_ms?: number;
}

const RETRY_MS = 5_000;
const HEAD_BYTES_MAX = 8 * 1024;
const CONNECTIONS_MAX = 64;
const REQUEST_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 30_000;

/** Never a reason for the daemon not to run: what keeps it from listening is told, and tried again. */
export class MonitoringServer {
  readonly #options: MonitoringServerOptions;
  readonly #server: Server;
  #retryTimer: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #closed = false;

  constructor(options: MonitoringServerOptions) {
    this.#options = options;
    this.#server = httpServer(options);
    this.#server.on('listening', () => this.#listens());
    this.#server.on('error', (error) => this.#failed(error.message));
  }

  /** Why nobody can connect; undefined while they can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** As the system has chosen it, if the port of the options is 0; undefined while it does not listen. */
  get port(): number | undefined {
    const address = this.#server.address();
    return typeof address === 'object' ? address?.port : undefined;
  }

  /** Begins to listen, and goes on trying. */
  start(): void {
    const { host, port } = this.#options;
    this.#server.listen({ host, port });
  }

  /** Cuts whoever is connected. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    if (this.#server.listening) {
      const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
      this.#server.closeAllConnections();
      await closed;
    }
  }

  #listens(): void {
    const { host, logger } = this.#options;
    this.#problem = undefined;
    logger.info('monitors are answered', { host, port: this.port });
  }

  #failed(problem: string): void {
    const { host, logger, port, retry_ms = RETRY_MS } = this.#options;
    if (this.#problem !== problem) {
      logger.error('monitors cannot be answered', { host, port, reason: problem });
    }
    this.#problem = problem;
    if (!this.#closed && !this.#server.listening) {
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => this.start(), retry_ms).unref();
    }
  }
}

function httpServer({
  logger,
  monitored,
  requestTimeout_ms = REQUEST_TIMEOUT_MS,
}: MonitoringServerOptions): Server {
  const bounds = new ConnectionBounds({ connectionsMax: CONNECTIONS_MAX });
  const server = createServer(
    {
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: requestTimeout_ms,
      requestTimeout: requestTimeout_ms,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      if (bounds.admits(request, response)) {
        void answer(request, response, monitored, logger);
      }
    },
  );
  bounds.watch(server);
  server.timeout = IDLE_TIMEOUT_MS;
  refuseBadRequests(server);
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  monitored: Monitored,
  logger: Logger,
): Promise<void> {
  const { body, status, type } = await answerTo(request, monitored, logger);
  response.writeHead(status, {
    'Cache-Control': 'no-store',
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    // What a body holds is not read.
    ...(hasBody(request) && { Connection: 'close' }),
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  });
  response.end(body);
}

async function answerTo(
  { method = '', url = '/' }: IncomingMessage,
  monitored: Monitored,
  logger: Logger,
): Promise<MonitoringAnswer> {
  try {
    const [pathname = '', query = ''] = url.split('?', 2);
    const path = monitoringPathIn(pathname);
    if (path === undefined) {
      throw new CofferError('request.not-found', `this port has ${MONITORING_PATHS.join(', ')} alone`);
    }
    if (method !== 'GET' && method !== 'HEAD') {
      throw new CofferError('request.method', 'this path takes GET and HEAD');
    }
    return await monitoringAnswer(path, new URLSearchParams(query), monitored);
  } catch (thrown) {
    const { code, detail, status } = CofferError.from(thrown);
    if (status >= 500) {
      logger.warn('a monitor was not answered', { code, reason: detail });
    }
    // What went wrong inside is for the log.
    const message = status >= 500 ? "its cause is in the daemon's log" : detail;
    const body = `${JSON.stringify({ code, message })}\n`;
    return { status, type: 'application/json; charset=utf-8', body };
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
