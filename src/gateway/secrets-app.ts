// SPDX-License-Identifier: Apache-2.0
// The secrets calls, as an express application: everything else passes it by.
import type { Agent, IncomingMessage } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import { CofferError, readBody, unreachable } from '../common/index.ts';
import { type Answer, type ClientCall, type GatewayContext, isInNoSwarm, START_WAIT_MS } from './context.ts';
import { createSecret } from './create-secret.ts';
import { withoutBodyHeaders } from './headers.ts';
import { inspectLocally, listLocally } from './local-read.ts';
import { engineGone, passThrough, type PassThroughOptions } from './pass-through.ts';
import { removeSecret } from './remove-secret.ts';
import { failureReply, type Reply, sendReply } from './reply.ts';
import { type SecretsRoute, secretsRoute } from './route.ts';
import { updateSecret } from './update-secret.ts';

/** What the engine itself takes is below 4 MiB once decoded, which is some 5.6 MB of base64. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

const BODY_LIMITS = {
  limit_bytes: BODY_BYTES_MAX,
  tooLarge: () =>
    new CofferError('request.too-large', `a request on secrets has at most ${BODY_BYTES_MAX} bytes`),
};

/** What the gateway knows of the connection that a request came by. */
export interface ConnectionAccess {
  agentOf(request: IncomingMessage): Agent;
  /** Told of a write that must come to its end. */
  track(work: Promise<void>): void;
}

type WriteRoute = Extract<SecretsRoute, { kind: 'create' | 'update' | 'remove' }>;
type ReadRoute = Extract<SecretsRoute, { kind: 'list' | 'inspect' }>;

/** An application for the requests that `secretsRoute` recognises. */
export function secretsApp(context: GatewayContext, connections: ConnectionAccess): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.use((request: Request, response: Response, next: NextFunction) => {
    const route = secretsRoute(request.method, request.originalUrl);
    const options = { socketPath: context.engine.socketPath, agent: connections.agentOf(request) };
    if (route === undefined) {
      next();
    } else if (route.kind === 'list' || route.kind === 'inspect') {
      const onUnavailable = (refusal: Reply): Promise<Reply | undefined> =>
        answerWithoutSwarm(context, route, refusal);
      passThrough(request, response, { ...options, onUnavailable });
    } else {
      const work = answerWrite(context, route, request, response, options);
      connections.track(work);
      work.catch((thrown: unknown) => sendReply(response, replyFor(context, thrown)));
    }
  });
  app.use((thrown: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) {
      next(thrown);
      return;
    }
    sendReply(response, replyFor(context, thrown));
  });
  return app;
}

/** The engine refuses a read: in no swarm, coffer's store answers; otherwise the refusal stands. */
async function answerWithoutSwarm(
  context: GatewayContext,
  route: ReadRoute,
  refusal: Reply,
): Promise<Reply | undefined> {
  try {
    if (!(await isInNoSwarm(context))) {
      return undefined;
    }
  } catch {
    return undefined;
  }
  return route.kind === 'list'
    ? listLocally(context, route.query, refusal.headers)
    : inspectLocally(context, route.reference, refusal.headers);
}

async function answerWrite(
  context: GatewayContext,
  route: WriteRoute,
  request: Request,
  response: Response,
  options: PassThroughOptions,
): Promise<void> {
  let body: Buffer;
  try {
    body = await readBody(request, BODY_LIMITS);
  } catch (thrown) {
    response.shouldKeepAlive = response.shouldKeepAlive && request.complete;
    throw thrown;
  }
  const call: ClientCall = {
    prefix: route.prefix,
    headers: withoutBodyHeaders(request.rawHeaders),
  };
  let answer: Answer;
  try {
    await context.storeStarted(START_WAIT_MS);
    answer = await answerRoute(context, route, call, body);
  } catch (thrown) {
    body.fill(0);
    throw thrown;
  }
  if (answer === 'pass-through') {
    passThrough(request, response, { ...options, body });
    response.on('close', () => body.fill(0));
  } else {
    body.fill(0);
    sendReply(response, answer);
  }
}

function answerRoute(
  context: GatewayContext,
  route: WriteRoute,
  call: ClientCall,
  body: Buffer,
): Promise<Answer> {
  switch (route.kind) {
    case 'create':
      return createSecret(context, call, body);
    case 'update':
      return updateSecret(context, call, route, body);
    case 'remove':
      return removeSecret(context, call, route.reference);
    default:
      return unreachable(route);
  }
}

function replyFor(context: GatewayContext, thrown: unknown): Reply {
  const error = CofferError.from(thrown);
  if (error.code === 'engine.unreachable') {
    return engineGone(context.engine.socketPath, error.cause);
  }
  if (error.code === 'internal.unexpected' || error.code === 'internal.invariant') {
    context.logger.error('a secrets call failed', { code: error.code, detail: error.detail });
  }
  return failureReply(error);
}
