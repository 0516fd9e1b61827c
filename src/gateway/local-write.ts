// SPDX-License-Identifier: Apache-2.0
// The secrets calls of an engine that is in no swarm, from coffer's store alone: create, update and remove.
import { CofferError, type SecretValue } from '../common/index.ts';
import { currentVersion, newSecretId, type Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { freshStore, type GatewayContext } from './context.ts';
import { alreadyExists, DATA_SIZE, ONLY_LABELS, OUT_OF_SEQUENCE, VERSION_INVALID } from './engine-texts.ts';
import type { RawHeaders } from './headers.ts';
import { resolve } from './local-read.ts';
import { hasAcceptedSize, refuseSpec } from './read-spec.ts';
import { emptyReply, errorReply, failureReply, jsonReply, type Reply } from './reply.ts';
import type { SecretSpec } from './secret-spec.ts';

/** `docker secret create` with a value. */
export async function createLocally(
  context: GatewayContext,
  { spec, value }: { readonly spec: SecretSpec; readonly value: SecretValue },
  engine: RawHeaders,
): Promise<Reply> {
  if (spec.templating !== undefined) {
    return errorReply(400, 'coffer: a templated secret needs a swarm (docker swarm init)', engine);
  }
  try {
    const store = await freshStore(context);
    const id = newSecretId();
    await store.propose({
      kind: 'create',
      id,
      name: spec.name,
      labels: spec.labels ?? {},
      origin: 'gateway',
      pending: false,
      value,
      at_ms: context.now(),
    });
    return jsonReply(201, { ID: id }, engine);
  } catch (thrown) {
    return thrown instanceof CofferError && thrown.code === 'secret.exists'
      ? errorReply(409, alreadyExists(spec.name), engine)
      : failureReply(thrown, engine);
  }
}

/** A create that needs the engine, which is in no swarm: the engine's own refusals of the spec come first. */
export function refuseWithoutSwarm(spec: SecretSpec, engine: RawHeaders): 'pass-through' | Reply {
  return spec.driver === undefined ? (refuseSpec(spec, engine) ?? 'pass-through') : 'pass-through';
}

/** `docker secret rm`. */
export async function removeLocally(
  context: GatewayContext,
  reference: string,
  engine: RawHeaders,
): Promise<Reply> {
  try {
    const store = await freshStore(context);
    const found = resolve(store, reference);
    if (found.kind === 'none') {
      return errorReply(found.status, found.message, engine);
    }
    await store.propose({ kind: 'remove', id: found.secret.id });
    return emptyReply(204, engine);
  } catch (thrown) {
    return failureReply(thrown, engine);
  }
}

/** `POST /secrets/{id}/update`. */
export async function updateLocally(
  context: GatewayContext,
  target: { readonly reference: string; readonly query: URLSearchParams },
  spec: SecretSpec,
  engine: RawHeaders,
): Promise<Reply> {
  const version = target.query.get('version') ?? '';
  if (!/^\d+$/.test(version)) {
    return errorReply(400, VERSION_INVALID, engine);
  }
  try {
    const store = await freshStore(context);
    const found = resolve(store, target.reference);
    if (found.kind === 'none') {
      return errorReply(found.status, found.message, engine);
    }
    const refusal = refuseUpdate(context, store, found.secret, spec, Number(version));
    if (refusal !== undefined) {
      return errorReply(refusal.status, refusal.message, engine);
    }
    await applyUpdate(context, store, found.secret, spec);
    return emptyReply(200, engine);
  } catch (thrown) {
    return thrown instanceof CofferError && thrown.code === 'secret.version-conflict'
      ? errorReply(500, OUT_OF_SEQUENCE, engine)
      : failureReply(thrown, engine);
  }
}

function refuseUpdate(
  context: GatewayContext,
  store: SecretStore,
  secret: Secret,
  spec: SecretSpec,
  versionIndex: number,
): { readonly status: number; readonly message: string } | undefined {
  const isOther = isOtherValue(store, secret, spec);
  if (spec.name !== secret.name || (isOther && !context.stackRotation)) {
    return { status: 400, message: ONLY_LABELS };
  }
  if (isOther && !hasAcceptedSize(spec)) {
    return { status: 400, message: DATA_SIZE };
  }
  return versionIndex === secret.modifiedIndex ? undefined : { status: 500, message: OUT_OF_SEQUENCE };
}

async function applyUpdate(
  context: GatewayContext,
  store: SecretStore,
  secret: Secret,
  spec: SecretSpec,
): Promise<void> {
  const labels = spec.labels ?? {};
  const at_ms = context.now();
  if (spec.data !== undefined && isOtherValue(store, secret, spec)) {
    const { id, name } = secret;
    const expect = currentVersion(secret).number;
    await store.propose({
      kind: 'put',
      id,
      name,
      labels,
      origin: 'gateway',
      expect,
      value: spec.data,
      at_ms,
    });
    return;
  }
  const expectIndex = secret.modifiedIndex;
  await store.propose({ kind: 'set-labels', id: secret.id, labels, expectIndex, at_ms });
}

function isOtherValue(store: SecretStore, secret: Secret, spec: SecretSpec): boolean {
  if (spec.data === undefined || spec.data.byteLength === 0) {
    return false;
  }
  const current = store.readValue(secret.id, currentVersion(secret).number);
  try {
    return !spec.data.equals(current);
  } finally {
    current.wipe();
  }
}
