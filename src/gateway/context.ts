// SPDX-License-Identifier: Apache-2.0
// What the handlers of the secrets calls share.
import type { Logger } from '../common/index.ts';
import { CofferError } from '../common/index.ts';
import { decodeSecret, type EngineClient, type EngineSecret, isSameDriver } from '../engine/index.ts';
import { type Secret, storeNameOf } from '../secrets/index.ts';
import type { SecretStore, StoreSource, StoreStart } from '../store/index.ts';
import { callEngine, type EngineCall } from './engine-call.ts';
import { headerValue, type RawHeaders } from './headers.ts';
import type { Reply } from './reply.ts';

export interface GatewayContext {
  readonly engine: EngineClient;
  readonly store: StoreSource;
  /** Awaited before a write looks at anything: the driver's name is known by then too. */
  readonly storeStarted: StoreStart;
  /** The name under which the engine knows coffer's driver. */
  readonly driverName: () => string;
  /** Whether an update with other data makes a new version; if not, it is refused as the engine does. */
  readonly stackRotation: boolean;
  readonly logger: Logger;
  readonly now: () => number;
  /** How long the engine may take over a write; it gives up by itself after 20 s. */
  readonly writeTimeout_ms: number;
}

/** A client's call, as far as the handlers need it. */
export interface ClientCall {
  /** The version prefix of its path. */
  readonly prefix: string;
  /** Without what belongs to its connection and body. */
  readonly headers: RawHeaders;
}

/** A handler's answer: its own, or the engine's on the call as it came. */
export type Answer = Reply | 'pass-through';

/** How old a pending secret is at least, before it counts as left behind. */
export const PENDING_GRACE_MS = 30_000;

const READ_TIMEOUT_MS = 20_000;
const BARRIER_TIMEOUT_MS = 2_000;
/** How long a call waits for a daemon that is starting. */
export const START_WAIT_MS = 5_000;

/** Whether the engine and its swarm can take a call on secrets. */
export type SwarmAccess =
  | { readonly kind: 'manager'; readonly swarmId: string; readonly headers: RawHeaders }
  /** The engine is in no swarm: coffer's store alone answers. */
  | { readonly kind: 'inactive'; readonly headers: RawHeaders }
  | { readonly kind: 'refused'; readonly reply: Reply };

/** Asks the engine; rejects with `engine.unreachable`. */
export async function swarmAccess(context: GatewayContext, call: ClientCall): Promise<SwarmAccess> {
  const reply = await engineRead(context, call, `${call.prefix}/swarm`);
  if (reply.status === 503 && (await isInNoSwarm(context))) {
    return { kind: 'inactive', headers: reply.headers };
  }
  const swarmId = reply.status === 200 ? idIn(reply) : undefined;
  return swarmId === undefined
    ? { kind: 'refused', reply }
    : { kind: 'manager', swarmId, headers: reply.headers };
}

export async function isInNoSwarm(context: GatewayContext): Promise<boolean> {
  return (await context.engine.info()).swarmState === 'inactive';
}

function engineRead(context: GatewayContext, call: ClientCall, path: string): Promise<Reply> {
  return callEngine({ ...base(context, call), method: 'GET', path, timeout_ms: READ_TIMEOUT_MS });
}

/** A body is JSON, and says so: the client's own may have been empty, and of no type, which newer engines mind. */
export function engineWrite(
  context: GatewayContext,
  call: ClientCall,
  write: Pick<EngineCall, 'method' | 'path' | 'body'>,
): Promise<Reply> {
  const { headers, socketPath } = base(context, call);
  const isTyped = write.body === undefined || headerValue(headers, 'content-type') !== undefined;
  const typed = isTyped ? headers : [...headers, 'Content-Type', 'application/json'];
  return callEngine({ ...write, socketPath, headers: typed, timeout_ms: context.writeTimeout_ms });
}

/** The engine's secret that a client's name, id or id prefix means; or the engine's answer that it is none. */
export async function engineSecret(
  context: GatewayContext,
  call: ClientCall,
  reference: string,
): Promise<{ readonly secret: EngineSecret | undefined; readonly reply: Reply }> {
  const reply = await engineRead(context, call, `${call.prefix}/secrets/${encodeURIComponent(reference)}`);
  return { reply, secret: reply.status === 200 ? decodeSecret(jsonOf(reply)) : undefined };
}

/** The store, with all that was acknowledged before; throws the reason while it does not serve. */
export async function freshStore(context: GatewayContext): Promise<SecretStore> {
  await context.storeStarted(START_WAIT_MS);
  const store = context.store();
  await store.readBarrier(BARRIER_TIMEOUT_MS);
  return store;
}

export function isOurs(context: GatewayContext, driver: string | undefined): boolean {
  return driver !== undefined && isSameDriver(driver, context.driverName());
}

/** coffer's secret behind one of the engine's: bound to its id, or else of the name that its label or it says. */
export function backingSecret(store: SecretStore, registered: EngineSecret): Secret | undefined {
  return boundSecret(store, registered) ?? store.byName(storeNameOf(registered));
}

/** coffer's secret that is bound to one of the engine's; by its name first, which a store knows that has just started. */
export function boundSecret(store: SecretStore, registered: EngineSecret): Secret | undefined {
  const named = store.byName(storeNameOf(registered));
  return named?.engine?.secretId === registered.id ? named : store.byEngineId(registered.id);
}

/** The major version in `Server: Docker/20.10.24 (linux)`; the newest behaviour where it cannot be told. */
export function engineMajor(headers: RawHeaders): number {
  const major = /^Docker\/(\d+)\./.exec(headerValue(headers, 'server') ?? '')?.[1];
  return major === undefined ? Number.POSITIVE_INFINITY : Number(major);
}

/** The id in the answer to a create, or in a description of the swarm. */
export function idIn(reply: Reply): string | undefined {
  const json = jsonOf(reply);
  return typeof json === 'object' &&
    json !== null &&
    'ID' in json &&
    typeof json.ID === 'string' &&
    json.ID !== ''
    ? json.ID
    : undefined;
}

function jsonOf(reply: Reply): unknown {
  try {
    return JSON.parse(reply.body.toString('utf8'));
  } catch (cause) {
    throw new CofferError('engine.refused', 'the engine answered with something that is not JSON', { cause });
  }
}

function base(context: GatewayContext, call: ClientCall): Pick<EngineCall, 'socketPath' | 'headers'> {
  return { socketPath: context.engine.socketPath, headers: call.headers };
}
