// SPDX-License-Identifier: Apache-2.0
// Calls of this API that change the cluster are written down. What changes secrets is written down where it is proposed.
import type { Request, RequestHandler } from 'express';
import type { Auditor } from '../audit/index.ts';
import { CofferError } from '../common/index.ts';
import { auditNoteOf } from './audit-note.ts';
import { type Method, routeDescription } from './route-list.ts';

/** The handler, which leaves a record of what came of the call if it is one of those that are written down. */
export function auditedRoute(
  method: Method,
  path: string,
  handler: RequestHandler,
  auditor: Auditor | undefined,
): RequestHandler {
  const event = routeDescription(method, path)?.audit;
  if (event === undefined || auditor === undefined) {
    return handler;
  }
  return async (request, response, next) => {
    let told: unknown;
    const json = response.json.bind(response);
    response.json = (body: unknown) => {
      told = body;
      return json(body);
    };
    const { node } = request.params;
    const common = { by: 'control', to: typeof node === 'string' ? node : undefined };
    try {
      await handler(request, response, next);
      const detail = auditNoteOf(response) ?? callOf(request);
      auditor.record(event, { ...common, secret: secretIn(told), detail });
    } catch (thrown) {
      auditor.record(event, { ...common, code: CofferError.from(thrown).code, detail: callOf(request) });
      throw thrown;
    }
  };
}

/** Without its query and its body. */
function callOf({ method, path }: Request): string {
  return `${method} ${path}`;
}

/** The name of the secret that a grant or a rule is about. */
function secretIn(reply: unknown): string | undefined {
  const inner = fieldOf(reply, 'grant') ?? fieldOf(reply, 'rule');
  const secret = fieldOf(inner, 'secret');
  return typeof secret === 'string' ? secret : undefined;
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}
