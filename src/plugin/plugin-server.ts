// SPDX-License-Identifier: Apache-2.0
// Docker's plugin protocol on a Unix socket: activation, the secret provider and the volume driver.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Auditor } from '../audit/index.ts';
import {
  base64Length,
  CofferError,
  ConnectionBounds,
  type Logger,
  readBody,
  refuseBadRequests,
  withDeadline,
  writeBase64,
} from '../common/index.ts';
import { endAfterUnfinished, send, sendError, sendJson } from './plugin-reply.ts';
import type { Refusals } from './refusals.ts';
import { ANSWER_DEADLINE_MS, type Grant, type SecretProvider } from './secret-provider.ts';
import type { AnswerObserver } from './answer-observer.ts';
import { decodeSecretRequest, type SecretRequest } from './secret-request.ts';
import {
  refusalOf,
  VOLUME_CALLS,
  type VolumeCall,
  type VolumeDriver,
  volumeCallOf,
} from './volume-driver.ts';

const GET_SECRET_PATH = '/SecretProvider.GetSecret';

/** The labels of a secret and a service travel in the request, and Swarm bounds a request at 4 MiB. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

const BODY_LIMITS = {
  limit_bytes: BODY_BYTES_MAX,
  timeout_ms: ANSWER_DEADLINE_MS,
  tooLarge: () => new CofferError('request.too-large', `the request is larger than ${BODY_BYTES_MAX} bytes`),
};

/** A name and options. */
const VOLUME_BODY_BYTES_MAX = 1024 * 1024;

const VOLUME_BODY_LIMITS = {
  limit_bytes: VOLUME_BODY_BYTES_MAX,
  timeout_ms: ANSWER_DEADLINE_MS,
  tooLarge: () =>
    new CofferError('request.too-large', `the request is larger than ${VOLUME_BODY_BYTES_MAX} bytes`),
};

const DEFAULT_LIMITS: PluginLimits = { connectionsMax: 1_024, unfinished_ms: 10_000 };

/** What somebody who is not the engine can take. */
export interface PluginLimits {
  /** The engine needs a handful. Default 1,024. */
  readonly connectionsMax: number;
  /** For the head of a request, which an engine writes at once, and for a body that nobody waits for. Default 10,000. */
  readonly unfinished_ms: number;
}

export interface PluginServerOptions {
  readonly provider: SecretProvider;
  /** Undefined: this is no volume driver. */
  readonly volumes: VolumeDriver | undefined;
  readonly refusals: Refusals;
  /** Told of what was refused. */
  readonly audit?: Auditor;
  /** Told of each answer to GetSecret. */
  readonly observer?: AnswerObserver;
  readonly logger: Logger;
  readonly now_ms: () => number;
  readonly limits?: Partial<PluginLimits>;
}

/**
 * The server, not yet listening. It closes no connection that is idle while there is room: an engine whose idle connection was
 * closed under a new call repeats that call with an empty body, which has to fail.
 */
export function createPluginServer(options: PluginServerOptions): Server {
  const app = createApp(options);
  const bounds = new ConnectionBounds({ ...DEFAULT_LIMITS, ...options.limits });
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    if (!bounds.admits(request, response)) {
      return;
    }
    const volumeCall = request.method === 'POST' ? volumeCallOf(request.url) : undefined;
    // express costs five times what this call does, and a failover asks again for every running task.
    if (request.method === 'POST' && request.url === GET_SECRET_PATH) {
      void answerGetSecret(options, request, response);
    } else if (volumeCall !== undefined && options.volumes !== undefined) {
      void answerVolumeCall(options.volumes, volumeCall, request, response);
    } else {
      app(request, response);
    }
  });
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  bounds.watch(server);
  refuseBadRequests(server);
  return server;
}

function createApp({ volumes }: PluginServerOptions): Express {
  const capabilities = ['secretprovider', ...(volumes === undefined ? [] : ['VolumeDriver'])];
  const volumePaths = volumes === undefined ? [] : VOLUME_CALLS.map((call) => `/VolumeDriver.${call}`);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.post('/Plugin.Activate', (_request, response) => {
    sendJson(response, 200, { Implements: capabilities });
  });
  app.all(['/Plugin.Activate', GET_SECRET_PATH, ...volumePaths], (request, response) => {
    sendError(
      response,
      new CofferError('request.method', `${request.method} is not a method of this call; use POST`),
    );
  });
  app.use((request, response) => {
    sendError(
      response,
      new CofferError('request.not-found', `coffer has no plugin call ${request.path.slice(0, 100)}`),
    );
  });
  const onError: ErrorRequestHandler = (thrown, _request, response, _next) => {
    sendError(response, CofferError.from(thrown, 'request.invalid'));
  };
  app.use(onError);
  return app;
}

async function answerGetSecret(
  options: PluginServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const begun_ms = performance.now();
  let secretRequest: SecretRequest | undefined;
  try {
    const body = await readBody(request, BODY_LIMITS);
    secretRequest = decodeSecretRequest(body);
    const grant = await withDeadline(
      options.provider.getSecret(secretRequest),
      ANSWER_DEADLINE_MS,
      'store.timeout',
      `the answer took longer than ${ANSWER_DEADLINE_MS} ms`,
    );
    sendGrant(response, grant);
    options.observer?.delivered(performance.now() - begun_ms);
  } catch (thrown) {
    const error = CofferError.from(thrown);
    refuse(options, secretRequest, error);
    endAfterUnfinished(request, response, error);
    // A refusal is an answer: status 200, so that the engine takes `Err` as it is.
    sendJson(response, 200, { Err: error.message });
    options.observer?.refused(performance.now() - begun_ms, error.code);
  }
}

async function answerVolumeCall(
  volumes: VolumeDriver,
  call: VolumeCall,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const body = await readBody(request, VOLUME_BODY_LIMITS);
    const { reply, unheard } = await volumes.answer(call, body);
    if (response.destroyed) {
      unheard?.();
      return;
    }
    response.once('close', () => {
      if (!response.writableFinished) {
        unheard?.();
      }
    });
    sendJson(response, 200, reply);
  } catch (thrown) {
    const error = CofferError.from(thrown);
    endAfterUnfinished(request, response, error);
    sendJson(response, 200, refusalOf(error));
  }
}

function refuse(options: PluginServerOptions, request: SecretRequest | undefined, error: CofferError): void {
  if (request !== undefined) {
    options.refusals.addSecret(options.now_ms(), request, error);
    options.audit?.record('refuse', {
      secret: request.secretName,
      service: request.service.name,
      task: request.task.id,
      to: request.nodeId,
      by: 'engine',
      code: error.code,
    });
  }
  options.logger.warn('refused a secret', {
    secret: request?.secretName,
    service: request?.service.name,
    task: request?.task.id,
    reason: error.message,
  });
}

const GRANT_BEGIN = Buffer.from('{"Value":"');

/** The protocol is JSON; but of a string, the value would stay in memory for nobody knows how long. */
function sendGrant(response: ServerResponse, { value, doNotReuse }: Grant): void {
  if (response.destroyed) {
    value.wipe();
    return;
  }
  const end = Buffer.from(`","DoNotReuse":${doNotReuse}}`);
  const encoded_bytes = base64Length(value.byteLength);
  // Outside Node's shared pool.
  const body = Buffer.alloc(GRANT_BEGIN.length + encoded_bytes + end.length);
  body.set(GRANT_BEGIN);
  writeBase64(body, GRANT_BEGIN.length, value.expose());
  body.set(end, GRANT_BEGIN.length + encoded_bytes);
  value.wipe();
  // The system has it by then, or the connection is gone.
  response.once('close', () => body.fill(0));
  send(response, 200, body);
}
