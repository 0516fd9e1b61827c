// SPDX-License-Identifier: Apache-2.0
// `POST /secrets/{id}/update`: what `docker stack deploy` sends for a secret that is there already.
import type { SecretValue } from '../common/index.ts';
import type { EngineSecret } from '../engine/index.ts';
import {
  checkLabels,
  currentVersion,
  type Labels,
  newSecretId,
  type Secret,
  storeNameOf,
} from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import {
  type Answer,
  backingSecret,
  type ClientCall,
  engineSecret,
  engineWrite,
  freshStore,
  type GatewayContext,
  isOurs,
  swarmAccess,
} from './context.ts';
import { DATA_SIZE, ONLY_LABELS } from './engine-texts.ts';
import type { RawHeaders } from './headers.ts';
import { updateLocally } from './local-write.ts';
import { hasAcceptedSize, readSpec } from './read-spec.ts';
import { errorReply, failureReply, type Reply } from './reply.ts';
import { encodeWithoutData, type SecretSpec } from './secret-spec.ts';

export interface UpdateTarget {
  readonly reference: string;
  readonly query: URLSearchParams;
}

/**
 * Answers an update. The labels go to the engine without the data; data other than the current value becomes a
 * new version once the engine has taken the labels.
 */
export async function updateSecret(
  context: GatewayContext,
  call: ClientCall,
  target: UpdateTarget,
  body: Buffer,
): Promise<Answer> {
  const access = await swarmAccess(context, call);
  if (access.kind === 'refused') {
    return access.reply;
  }
  const registered =
    access.kind === 'manager' ? (await engineSecret(context, call, target.reference)).secret : undefined;
  if (access.kind === 'manager' && !isOurs(context, registered?.driver)) {
    return 'pass-through';
  }
  const read = readSpec(body, call.headers, access.headers);
  if (read.kind === 'refused') {
    return read.reply;
  }
  try {
    return registered === undefined
      ? await updateLocally(context, target, read.spec, access.headers)
      : await updateInSwarm(
          context,
          call,
          { registered, query: target.query, swarmHeaders: access.headers, ...access },
          read.spec,
        );
  } finally {
    read.spec.data?.wipe();
  }
}

interface Registered {
  readonly registered: EngineSecret;
  readonly query: URLSearchParams;
  readonly swarmHeaders: RawHeaders;
  readonly swarmId?: string;
}

async function updateInSwarm(
  context: GatewayContext,
  call: ClientCall,
  { registered, query, swarmHeaders, swarmId }: Registered,
  spec: SecretSpec,
): Promise<Answer> {
  const wrong = labelsRefusal(spec.labels ?? {}, swarmHeaders);
  if (wrong !== undefined) {
    return wrong;
  }
  const hasData = spec.data !== undefined && spec.data.byteLength > 0;
  const forward = (): Promise<Reply> => {
    const stripped = encodeWithoutData(spec, spec.driver);
    return engineWrite(context, call, {
      method: 'POST',
      path: updatePath(call, registered, query),
      body: stripped,
    });
  };
  if (!hasData) {
    const reply = await forward();
    if (reply.status === 200) {
      await mirrorLabels(context, registered, spec.labels ?? {});
    }
    return reply;
  }
  const store = await freshStore(context);
  const backing = backingSecret(store, registered);
  const isSame = backing !== undefined && holdsValue(store, backing, spec);
  if (!isSame && !hasAcceptedSize(spec)) {
    return errorReply(400, DATA_SIZE, swarmHeaders);
  }
  if (!isSame && !context.stackRotation) {
    return errorReply(400, ONLY_LABELS, swarmHeaders);
  }
  const reply = await forward();
  if (reply.status !== 200) {
    return reply;
  }
  if (isSame) {
    await mirrorLabels(context, registered, spec.labels ?? {});
    return reply;
  }
  return (await rotate(context, store, { registered, backing, swarmId }, spec, swarmHeaders)) ?? reply;
}

/**
 * What the engine reads of a client's query, and no more: dockerode writes the data there too, and engines log what
 * they are asked for.
 */
function updatePath({ prefix }: ClientCall, { id }: EngineSecret, query: URLSearchParams): string {
  const version = query.get('version');
  const read = version === null ? '' : `?${new URLSearchParams({ version }).toString()}`;
  return `${prefix}/secrets/${id}/update${read}`;
}

/** Before the engine takes labels that the store would not. */
function labelsRefusal(labels: Labels, swarmHeaders: RawHeaders): Reply | undefined {
  try {
    checkLabels(labels);
    return undefined;
  } catch (thrown) {
    return failureReply(thrown, swarmHeaders);
  }
}

interface Rotation {
  readonly registered: EngineSecret;
  readonly backing: Secret | undefined;
  readonly swarmId: string | undefined;
}

async function rotate(
  context: GatewayContext,
  store: SecretStore,
  { registered, backing, swarmId }: Rotation,
  spec: SecretSpec,
  swarmHeaders: RawHeaders,
): Promise<Reply | undefined> {
  const value = spec.data;
  if (value === undefined) {
    return undefined;
  }
  try {
    const isMirror = backing === undefined || isMirrorOf(backing, registered);
    const { secret } = await store.propose({
      kind: 'put',
      id: newSecretId(),
      name: backing?.name ?? storeNameOf(registered),
      labels: isMirror ? (spec.labels ?? {}) : undefined,
      origin: 'gateway',
      expect: 'always',
      value,
      at_ms: context.now(),
    });
    if (backing === undefined && secret !== undefined && swarmId !== undefined) {
      const engine = { secretId: registered.id, swarmId };
      await store.propose({ kind: 'activate', id: secret.id, engine, at_ms: context.now() });
    }
    return undefined;
  } catch (thrown) {
    return failureReply(thrown, swarmHeaders);
  }
}

function holdsValue(store: SecretStore, backing: Secret, spec: SecretSpec): boolean {
  const current: SecretValue = store.readValue(backing.id, currentVersion(backing).number);
  try {
    return spec.data?.equals(current) ?? false;
  } finally {
    current.wipe();
  }
}

function isMirrorOf(secret: Secret, registered: EngineSecret): boolean {
  return secret.origin === 'gateway' && secret.engine?.secretId === registered.id;
}

// The labels that count are the engine's, which go with each request for the value; a copy that lags harms nobody.
async function mirrorLabels(
  context: GatewayContext,
  registered: EngineSecret,
  labels: Labels,
): Promise<void> {
  try {
    const store = context.store();
    const backing = backingSecret(store, registered);
    if (backing !== undefined && isMirrorOf(backing, registered)) {
      const at_ms = context.now();
      await store.propose({ kind: 'set-labels', id: backing.id, labels, expectIndex: undefined, at_ms });
    }
  } catch {
    context.logger.warn('the labels of a secret are not mirrored', { engineSecret: registered.id });
  }
}
