// SPDX-License-Identifier: Apache-2.0
// One call handed on to the engine, and its answer handed back, as they are: nothing is buffered, nothing is
// timed, and whoever goes away is noticed on the other side.
import { type Agent, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { systemErrorCode } from '../common/index.ts';
import { HEAD_BYTES_MAX } from './engine-call.ts';
import { endToEnd, hasToken, headerValue, pairsOf } from './headers.ts';
import { relayAnswer, type RelayOptions } from './relay-answer.ts';
import { errorReply, type Reply, sendReply } from './reply.ts';

export interface PassThroughOptions extends RelayOptions {
  readonly socketPath: string;
  /** Keeps the engine's side of this client's connection. */
  readonly agent: Agent;
  /** The request's body where it was read already. */
  readonly body?: Buffer;
}

const BODILESS_METHODS: ReadonlySet<string | undefined> = new Set([
  'GET',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'TRACE',
]);

/** Hands one call on. It never throws: what goes wrong is answered, or cuts the connection where an answer began. */
export function passThrough(
  request: IncomingMessage,
  response: ServerResponse,
  options: PassThroughOptions,
): void {
  let upstream: ReturnType<typeof httpRequest>;
  try {
    upstream = httpRequest({
      socketPath: options.socketPath,
      method: request.method,
      path: request.url,
      headers: requestHeaders(request, options.body),
      agent: options.agent,
      maxHeaderSize: HEAD_BYTES_MAX,
    });
  } catch {
    sendReply(response, errorReply(400, 'the request cannot be sent on to the Docker Engine'));
    return;
  }
  upstream.maxHeadersCount = 0;
  let isAnswered = false;
  upstream.on('continue', () => response.writeContinue());
  upstream.on('response', (answer) => {
    isAnswered = true;
    if ((answer.statusCode ?? 0) >= 400) {
      // A refusal that did not wait for the body: the engine reads no more of it, and will close.
      request.unpipe(upstream);
      request.resume();
    }
    relayAnswer(answer, response, options);
  });
  upstream.on('error', (error) => {
    if (isAnswered) {
      return;
    }
    if (upstream.reusedSocket && isClosed(error) && canTryAgain(request, options)) {
      passThrough(request, response, options);
      return;
    }
    answerForEngine(request, response, options.socketPath, error);
  });
  // The client left, or its connection broke, before the answer was out.
  response.on('close', () => {
    if (!response.writableFinished) {
      upstream.destroy();
    }
  });
  followHalfClose(request, response, upstream);
  sendBody(request, upstream, options.body);
}

/** The answer when the engine cannot be reached, or left before it answered. */
export function engineGone(socketPath: string, thrown: unknown): Reply {
  const code = systemErrorCode(thrown);
  const why = code === undefined ? '' : ` (${code})`;
  return errorReply(
    503,
    `coffer: the Docker Engine at ${socketPath} does not answer${why}: see that it runs ` +
      '(systemctl status docker), then try again',
  );
}

function answerForEngine(
  request: IncomingMessage,
  response: ServerResponse,
  socketPath: string,
  error: unknown,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What is left of a body would be taken for the next request.
  response.shouldKeepAlive = response.shouldKeepAlive && request.complete;
  sendReply(response, engineGone(socketPath, error));
}

function isClosed(error: unknown): boolean {
  return systemErrorCode(error) === 'ECONNRESET' || systemErrorCode(error) === 'EPIPE';
}

// The engine closes its side of an idle connection only when it goes; such a call has not been seen by it.
function canTryAgain(request: IncomingMessage, options: PassThroughOptions): boolean {
  return (
    (request.method === 'GET' || request.method === 'HEAD') && options.body === undefined && request.complete
  );
}

function requestHeaders(request: IncomingMessage, body: Buffer | undefined): string[] {
  const headers = endToEnd(request.rawHeaders);
  if (headerValue(headers, 'host') === undefined) {
    // HTTP/1.0 knows no such header; to the engine goes HTTP/1.1, which needs one.
    headers.push('Host', 'docker');
  }
  if (body !== undefined) {
    const kept = pairsOf(headers).filter(
      ([name]) => !['content-length', 'expect', 'trailer'].includes(name.toLowerCase()),
    );
    return [...kept.flat(), 'Content-Length', String(body.length)];
  }
  if (hasToken(request.rawHeaders, 'transfer-encoding', 'chunked')) {
    headers.push('Transfer-Encoding', 'chunked');
  } else if (headerValue(headers, 'content-length') === undefined && !BODILESS_METHODS.has(request.method)) {
    // Node would announce a body in chunks otherwise.
    headers.push('Content-Length', '0');
  }
  return headers;
}

function sendBody(
  request: IncomingMessage,
  upstream: ReturnType<typeof httpRequest>,
  body: Buffer | undefined,
): void {
  if (body !== undefined) {
    upstream.end(body);
    return;
  }
  if (!hasBody(request)) {
    // In one write: an engine that refuses at once also closes at once, and a second write would lose its answer.
    upstream.end();
    request.resume();
    return;
  }
  upstream.flushHeaders();
  request.pipe(upstream, { end: false });
  request.on('end', () => {
    if (request.rawTrailers.length > 0) {
      upstream.addTrailers(pairsOf(request.rawTrailers));
    }
    upstream.end();
  });
  request.on('error', () => upstream.destroy());
}

function hasBody(request: IncomingMessage): boolean {
  const length = headerValue(request.rawHeaders, 'content-length') ?? '0';
  return hasToken(request.rawHeaders, 'transfer-encoding', 'chunked') || Number(length) !== 0;
}

/** A client that shuts its sending side says so to the engine, which then decides what that means. */
function followHalfClose(
  request: IncomingMessage,
  response: ServerResponse,
  upstream: ReturnType<typeof httpRequest>,
): void {
  const client = request.socket;
  const shutDown = (): void => {
    if (upstream.writableFinished) {
      upstream.socket?.end();
    } else {
      upstream.once('finish', () => upstream.socket?.end());
    }
  };
  if (client.readableEnded) {
    shutDown();
    return;
  }
  client.once('end', shutDown);
  response.on('close', () => client.off('end', shutDown));
}
