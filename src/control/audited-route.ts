// SPDX-License-Identifier: Apache-2.0
// Which calls of this API change the cluster, and are written down. What changes secrets is written down where it is proposed.
import type { Request, RequestHandler } from 'express';
import type { AuditEvent, Auditor } from '../audit/index.ts';
import { CofferError } from '../common/index.ts';
import { auditNoteOf } from './audit-note.ts';

const EVENTS: Readonly<Record<string, AuditEvent>> = {
  'put /v1/nodes/:node/role': 'set-role',
  'delete /v1/nodes/:node': 'remove-node',
  'put /v1/cluster/certificate-lifetime': 'schedule',
  'post /v1/ca/rotate': 'rotate-ca',
  'post /v1/workload-ca/rotate': 'rotate-ca',
  'post /v1/workload-ca/finish': 'rotate-ca',
  'post /v1/join-tokens': 'join-token',
  'delete /v1/join-tokens/:id': 'join-token',
  'post /v1/grants': 'grant',
  'delete /v1/grants/:id': 'revoke',
  'put /v1/policy/default': 'policy',
  'post /v1/policy/rules': 'policy',
  'delete /v1/policy/rules/:id': 'policy',
  'put /v1/autolock': 'autolock',
  'put /v1/peer-unlock': 'autolock',
  'post /v1/unlock-key': 'unlock-key',
  'post /v1/unlock': 'unlock',
  'post /v1/data-key/rotate': 'rotate-data-key',
  'post /v1/sealing-key/rotate': 'sealing-key',
  'delete /v1/sealing-key/:id': 'sealing-key',
  'post /v1/reseal': 'reseal',
  'put /v1/data-key/schedule': 'schedule',
  'put /v1/backups/schedule': 'schedule',
  'post /v1/purge': 'purge',
  'post /v1/rebuild': 'rebuild',
  'post /v1/force-new-cluster': 'force-new-cluster',
  'post /v1/audit/acknowledge': 'acknowledge',
};

/** The handler, which leaves a record of what came of the call if it is one of those that change. */
export function auditedRoute(
  method: string,
  path: string,
  handler: RequestHandler,
  auditor: Auditor | undefined,
): RequestHandler {
  const event = EVENTS[`${method} ${path}`];
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
