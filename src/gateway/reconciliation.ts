// SPDX-License-Identifier: Apache-2.0
// What has to be done so that coffer's store and the engine's registrations agree. Pure: no clock, no I/O.
import { type EngineSecret, isSameDriver } from '../engine/index.ts';
import { type EngineBinding, nameKey, type Secret } from '../secrets/index.ts';

export type Repair =
  /** The engine has what a create has left pending. */
  | { readonly kind: 'activate'; readonly id: string; readonly engine: EngineBinding }
  /** The engine no longer has, or never got, what this value belongs to. */
  | { readonly kind: 'remove'; readonly id: string; readonly secret: Secret };

export interface ReconciliationInput {
  /** Of coffer's store, read before the engine was asked: what is bound later is not looked at. */
  readonly stored: readonly Secret[];
  readonly registered: readonly EngineSecret[];
  readonly swarmId: string;
  readonly driverName: string;
  readonly now_ms: number;
  /** How old a pending secret must be before it counts as left behind. */
  readonly pendingGrace_ms: number;
}

/**
 * Compares both sides. Only what the gateway made is ever removed: a value put by hand or generated is its
 * owner's, whatever becomes of a registration.
 */
export function planReconciliation(input: ReconciliationInput): readonly Repair[] {
  const registeredIds = new Set(input.registered.map((secret) => secret.id));
  const boundIds = new Set(input.stored.map((secret) => secret.engine?.secretId));
  const unbound = new Map(
    input.registered
      .filter((secret) => isOurs(secret, input.driverName) && !boundIds.has(secret.id))
      .map((secret) => [nameKey(secret.name), secret]),
  );
  return input.stored
    .filter((secret) => secret.origin === 'gateway')
    .flatMap((secret) =>
      secret.pending ? settlePending(secret, unbound, input) : removeOrphan(secret, registeredIds, input),
    );
}

function settlePending(
  secret: Secret,
  unbound: ReadonlyMap<string, EngineSecret>,
  input: ReconciliationInput,
): readonly Repair[] {
  const registration = unbound.get(nameKey(secret.name));
  if (registration !== undefined) {
    const engine = { secretId: registration.id, swarmId: input.swarmId };
    return [{ kind: 'activate', id: secret.id, engine }];
  }
  const age_ms = input.now_ms - secret.createdAt_ms;
  return age_ms >= input.pendingGrace_ms ? [{ kind: 'remove', id: secret.id, secret }] : [];
}

function removeOrphan(
  secret: Secret,
  registeredIds: ReadonlySet<string>,
  input: ReconciliationInput,
): readonly Repair[] {
  const isOrphan =
    secret.engine !== undefined &&
    secret.engine.swarmId === input.swarmId &&
    !registeredIds.has(secret.engine.secretId);
  return isOrphan ? [{ kind: 'remove', id: secret.id, secret }] : [];
}

function isOurs(secret: EngineSecret, driverName: string): boolean {
  return secret.driver !== undefined && isSameDriver(secret.driver, driverName);
}
