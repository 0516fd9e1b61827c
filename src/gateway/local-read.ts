// SPDX-License-Identifier: Apache-2.0
// The secrets calls of an engine that is in no swarm, from coffer's store alone: list and inspect.
import type { CofferError } from '../common/index.ts';
import { nameKey, type Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { engineMajor, type GatewayContext, freshStore } from './context.ts';
import { ambiguous, notFound } from './engine-texts.ts';
import { EmptyJsonError, GoJsonError, hasMore, readJson, valueOf } from './go-json.ts';
import type { RawHeaders } from './headers.ts';
import { errorReply, failureReply, jsonReply, type Reply } from './reply.ts';

const FILTER_KEYS: ReadonlySet<string> = new Set(['name', 'names', 'id', 'label']);

/** `docker secret ls`. */
export async function listLocally(
  context: GatewayContext,
  query: URLSearchParams,
  engine: RawHeaders,
): Promise<Reply> {
  try {
    const filters = parseFilters(query.get('filters') ?? '');
    const unknown = [...filters.keys()].find((key) => !FILTER_KEYS.has(key));
    if (unknown !== undefined) {
      const text = engineMajor(engine) >= 23 ? 'invalid filter' : 'Invalid filter';
      return errorReply(400, `${text} '${unknown}'`, engine);
    }
    const store = await freshStore(context);
    const found = listed(store).filter((secret) => matches(secret, filters));
    return jsonReply(
      200,
      found.map((secret) => describe(secret, context.driverName())),
      engine,
    );
  } catch (thrown) {
    if (thrown instanceof GoJsonError) {
      return engineMajor(engine) >= 23
        ? errorReply(400, `invalid filter: ${thrown.message}`, engine)
        : errorReply(500, thrown.message, engine);
    }
    return failureReply(thrown, engine);
  }
}

/** `docker secret inspect`. */
export async function inspectLocally(
  context: GatewayContext,
  reference: string,
  engine: RawHeaders,
): Promise<Reply> {
  try {
    const found = resolve(await freshStore(context), reference);
    return found.kind === 'found'
      ? jsonReply(200, describe(found.secret, context.driverName()), engine)
      : errorReply(found.status, found.message, engine);
  } catch (thrown) {
    return failureReply(thrown, engine);
  }
}

export type Resolved =
  | { readonly kind: 'found'; readonly secret: Secret }
  | { readonly kind: 'none'; readonly status: 400 | 404; readonly message: string };

/** What a reference means: a full id, else a name, else an id's beginning (moby, daemon/cluster/helpers.go). */
export function resolve(store: SecretStore, reference: string): Resolved {
  const secrets = listed(store);
  const exact =
    secrets.find((secret) => secret.id === reference) ??
    secrets.find((secret) => nameKey(secret.name) === nameKey(reference));
  if (exact !== undefined) {
    return { kind: 'found', secret: exact };
  }
  const [first, ...others] = secrets.filter((secret) => secret.id.startsWith(reference));
  if (first === undefined) {
    return { kind: 'none', status: 404, message: notFound(reference) };
  }
  return others.length === 0
    ? { kind: 'found', secret: first }
    : { kind: 'none', status: 400, message: ambiguous(reference, others.length + 1) };
}

function listed(store: SecretStore): readonly Secret[] {
  return store
    .list()
    .filter((secret) => !secret.pending)
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}

type Filters = ReadonlyMap<string, readonly string[]>;

/** Both forms that the Engine API takes: `{"name":["x"]}` and `{"name":{"x":true}}`. */
function parseFilters(text: string): Filters {
  if (text === '') {
    return new Map();
  }
  const bytes = Buffer.from(text);
  const document = readFilters(bytes);
  const value = valueOf(bytes.subarray(document.start, document.end));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GoJsonError(
      `json: cannot unmarshal ${document.type} into Go value of type map[string]map[string]bool`,
    );
  }
  return new Map(Object.entries(value).map(([key, terms]) => [key, termsOf(terms)]));
}

function readFilters(bytes: Buffer): ReturnType<typeof readJson> {
  try {
    const document = readJson(bytes);
    if (hasMore(bytes, document.end)) {
      throw new GoJsonError('invalid character after top-level value');
    }
    return document;
  } catch (thrown) {
    const isCut = thrown instanceof EmptyJsonError || (thrown as CofferError).message === 'unexpected EOF';
    throw isCut ? new GoJsonError('unexpected end of JSON input') : thrown;
  }
}

function termsOf(terms: unknown): readonly string[] {
  if (Array.isArray(terms)) {
    return terms.map(String);
  }
  if (typeof terms === 'object' && terms !== null) {
    return Object.keys(terms);
  }
  throw new GoJsonError(`json: cannot unmarshal ${typeof terms} into Go value of type map[string]bool`);
}

function matches(secret: Secret, filters: Filters): boolean {
  const name = nameKey(secret.name);
  const identity = [
    ...(filters.get('name') ?? []).map((term) => name.startsWith(nameKey(term))),
    ...(filters.get('names') ?? []).map((term) => name === nameKey(term)),
    ...(filters.get('id') ?? []).map((term) => secret.id.startsWith(term)),
  ];
  return (
    (identity.length === 0 || identity.includes(true)) && matchesLabels(secret, filters.get('label') ?? [])
  );
}

function matchesLabels(secret: Secret, terms: readonly string[]): boolean {
  return terms.every((term) => {
    const [key = '', ...rest] = term.split('=');
    const value = rest.join('=');
    return Object.hasOwn(secret.labels, key) && (value === '' || secret.labels[key] === value);
  });
}

function describe(secret: Secret, driverName: string): unknown {
  return {
    ID: secret.id,
    Version: { Index: secret.modifiedIndex },
    CreatedAt: goTime(secret.createdAt_ms),
    UpdatedAt: goTime(secret.updatedAt_ms),
    Spec: { Name: secret.name, Labels: secret.labels, Driver: { Name: driverName } },
  };
}

/** RFC 3339 as Go prints it: no zeros at the end of the fraction. */
function goTime(at_ms: number): string {
  return new Date(at_ms).toISOString().replace(/\.?0*Z$/, 'Z');
}
