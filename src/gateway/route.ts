// SPDX-License-Identifier: Apache-2.0
// Which calls are coffer's business.

/** A call on the engine's secrets. `prefix` is the version prefix of its path: empty, or such as `/v1.41`. */
export type SecretsRoute =
  | { readonly kind: 'list'; readonly prefix: string; readonly query: URLSearchParams }
  | { readonly kind: 'create'; readonly prefix: string }
  | { readonly kind: 'inspect'; readonly prefix: string; readonly reference: string }
  | { readonly kind: 'remove'; readonly prefix: string; readonly reference: string }
  | {
      readonly kind: 'update';
      readonly prefix: string;
      readonly reference: string;
      readonly query: URLSearchParams;
    };

const SECRETS_PATH = /^(\/v[0-9.]+)?\/secrets(?:\/([^/]+)(\/update)?)?$/;
const SERVICE_WRITE_PATH = /^(\/v[0-9.]+)?\/services\/(?:create|[^/]+\/update)$/;
const HIJACK_PATH = /^(\/v[0-9.]+)?\/(containers\/[^/]+\/attach|exec\/[^/]+\/start)$/;

/**
 * The secrets call that the engine would see in a request, undefined for any other. The engine matches the
 * decoded path, so this does too: `/secret%73/create` is a create.
 */
export function secretsRoute(method: string, target: string): SecretsRoute | undefined {
  const { path, query } = splitTarget(target);
  const match = SECRETS_PATH.exec(path ?? '');
  if (match === null) {
    return undefined;
  }
  const [, prefix = '', reference, update] = match;
  switch (method) {
    case 'GET':
      if (reference === undefined) {
        return { kind: 'list', prefix, query };
      }
      return update === undefined ? { kind: 'inspect', prefix, reference } : undefined;
    case 'POST':
      if (reference === 'create' && update === undefined) {
        return { kind: 'create', prefix };
      }
      return reference !== undefined && update !== undefined
        ? { kind: 'update', prefix, reference, query }
        : undefined;
    case 'DELETE':
      return reference !== undefined && update === undefined
        ? { kind: 'remove', prefix, reference }
        : undefined;
    default:
      return undefined;
  }
}

/** Whether the body of this call says what a service is to be. For a rollback it does not. */
export function isServiceWrite(method: string, target: string): boolean {
  const { path, query } = splitTarget(target);
  return method === 'POST' && SERVICE_WRITE_PATH.test(path ?? '') && !query.has('rollback');
}

/** Whether the engine answers this call by taking the connection over, with or without an `Upgrade` header. */
export function isHijackCall(method: string, target: string): boolean {
  return method === 'POST' && HIJACK_PATH.test(splitTarget(target).path ?? '');
}

function splitTarget(target: string): { readonly path: string | undefined; readonly query: URLSearchParams } {
  // A target may carry scheme and authority (RFC 9112, 3.2.2), which the engine drops.
  const local = target.replace(/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?]*/, '');
  const mark = local.indexOf('?');
  const encoded = mark === -1 ? local : local.slice(0, mark);
  const query = new URLSearchParams(mark === -1 ? '' : local.slice(mark + 1));
  try {
    return { path: decodeURIComponent(encoded), query };
  } catch {
    return { path: undefined, query };
  }
}
