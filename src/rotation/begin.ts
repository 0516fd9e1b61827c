// SPDX-License-Identifier: Apache-2.0
// How a rotation begins, at any manager whose engine manages the swarm.
import { CofferError, type SecretValue } from '../common/index.ts';
import type { EngineClient, EngineSecret, RollingService } from '../engine/index.ts';
import type { NodeObject, RotatedService, RotationObject } from '../membership/index.ts';
import { newSecretId, type Secret } from '../secrets/index.ts';
import type { SecretStore } from '../store/index.ts';
import { concernedServices, type SourcedSecret } from './concerned-services.ts';

export interface BeginOptions {
  readonly engine: Pick<
    EngineClient,
    'info' | 'inspectService' | 'listNodes' | 'listSecrets' | 'listServices'
  >;
  readonly store: Pick<SecretStore, 'cluster' | 'propose'>;
  /** The engine's secrets that take their value from this one of the store. */
  readonly sourcesOf: (secret: Secret, listed: readonly EngineSecret[]) => readonly SourcedSecret[];
  /** The node that leads, if it is another one; undefined while none does. */
  readonly leader: () => NodeObject | 'this-node' | undefined;
  readonly now_ms: () => number;
}

export interface RotationWish {
  readonly secret: Secret;
  /** Stays the caller's. */
  readonly value: SecretValue;
  /** Only if this is the current version. */
  readonly expect: number | undefined;
  /** For each service. */
  readonly timeout_ms: number;
}

/**
 * Stores the new version, and begins the rotation with it. Throws `rotation.refused` where the services cannot be updated from here or
 * by the leader; then nothing is stored.
 */
export async function beginRotation(options: BeginOptions, wish: RotationWish): Promise<RotationObject> {
  const { now_ms, store } = options;
  const services = await servicesOf(options, wish.secret);
  const rotationId = newSecretId();
  await store.propose({
    kind: 'rotate',
    id: wish.secret.id,
    rotationId,
    expect: wish.expect,
    services,
    timeout_ms: wish.timeout_ms,
    value: wish.value,
    at_ms: now_ms(),
  });
  const rotation = store.cluster.rotation(rotationId);
  if (rotation === undefined) {
    throw new CofferError('rotation.not-found', 'the rotation has ended, and many others after it');
  }
  return rotation;
}

async function servicesOf(
  { engine, leader, sourcesOf }: BeginOptions,
  secret: Secret,
): Promise<readonly RotatedService[]> {
  const { controlAvailable, swarmState } = await engine.info();
  if (swarmState === 'inactive') {
    return [];
  }
  if (!controlAvailable) {
    throw new CofferError('rotation.refused', 'the engine of this node does not manage its swarm', {
      hint: 'Type the command where a manager of the swarm is: docker node ls.',
    });
  }
  const sources = sourcesOf(secret, await engine.listSecrets());
  const ids = new Set(sources.map(({ id }) => id));
  const listed = (await engine.listServices()).filter(({ secrets }) => secrets.some(({ id }) => ids.has(id)));
  const modes = new Map<string, RollingService['mode']>();
  for (const { id } of listed) {
    const service = await engine.inspectService(id);
    if (service !== undefined) {
      modes.set(id, service.mode);
    }
  }
  const services = concernedServices(sources, listed, modes);
  if (services.some(({ state }) => state === 'waiting')) {
    await requireManagingLeader(engine, leader());
  }
  return services;
}

/** It is the leader that has the swarm update the services. */
async function requireManagingLeader(
  engine: BeginOptions['engine'],
  leader: NodeObject | 'this-node' | undefined,
): Promise<void> {
  if (leader === 'this-node') {
    return;
  }
  if (leader === undefined) {
    throw new CofferError('store.unavailable', 'the cluster has no leader now', {
      hint: 'See that most managers are up: docker coffer node ls.',
    });
  }
  const { engineNodeId, hostname } = leader;
  const node = (await engine.listNodes()).find(({ id }) => id === engineNodeId);
  if (node?.role !== 'manager') {
    throw new CofferError(
      'rotation.refused',
      `the manager that leads the cluster, ${hostname}, is beside an engine that does not manage this swarm`,
      { hint: `Promote it: docker node promote ${hostname}` },
    );
  }
}
