// SPDX-License-Identifier: Apache-2.0
// How a request is refused, whoever handles it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CofferError, type Logger } from '../common/index.ts';
import { describeError } from './describe.ts';
import type { RefusedReply } from './wire.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Answers with what was thrown, and ends when the rest of the request has come, within the request's deadline: a client
 * that is cut off while it writes does not get to read why. False if an answer is half-way out already.
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  thrown: unknown,
  logger: Logger,
): boolean {
  const error = refusalOf(thrown);
  const id = requestIdOf(response);
  if (error.status >= 500) {
    // Not the path: it holds a secret's name.
    logger.warn('a control request failed', {
      request: id,
      method: request.method,
      code: error.code,
      cause: thrown instanceof Error ? thrown.message : undefined,
    });
  }
  if (response.headersSent) {
    return false;
  }
  const reply: RefusedReply = { ...describeError(error), request: id };
  const body = JSON.stringify(reply);
  response.statusCode = error.status;
  setJsonHeaders(response, body);
  response.write(body);
  if (request.complete) {
    response.end();
  } else {
    request.once('end', () => response.end()).resume();
  }
  return true;
}

/** Answers with JSON, in one write. */
export function answer(response: ServerResponse, status: number, reply: unknown): void {
  const body = JSON.stringify(reply);
  response.statusCode = status;
  setJsonHeaders(response, body);
  response.end(body);
}

/** Every answer has it from the start. */
function requestIdOf(response: ServerResponse): string | undefined {
  const id = response.getHeader('X-Request-Id');
  return typeof id === 'string' ? id : undefined;
}

function setJsonHeaders(response: ServerResponse, body: string): void {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Type', JSON_TYPE);
  response.setHeader('Content-Length', Buffer.byteLength(body));
}

/** express throws errors with a `status` below 500 for what a client did, such as a path that does not decode. */
function refusalOf(thrown: unknown): CofferError {
  if (thrown instanceof CofferError) {
    return thrown;
  }
  if (
    thrown instanceof Error &&
    'status' in thrown &&
    typeof thrown.status === 'number' &&
    thrown.status < 500
  ) {
    return new CofferError('request.invalid', 'the request could not be understood', { cause: thrown });
  }
  return new CofferError('internal.unexpected', 'the daemon met an error that it did not expect', {
    hint: "Its cause is in the daemon's log.",
    cause: thrown,
  });
}
