// SPDX-License-Identifier: Apache-2.0
// What the name means that somebody asks about. Pure.
import type { ReportedDelivery } from '../cluster/index.ts';
import { CofferError } from '../common/index.ts';
import type { EngineContainer, EngineService, EngineTask } from '../engine/index.ts';
import { nameKey, printable, storeNameOf } from '../secrets/index.ts';
import type { Known } from './known.ts';
import { isDelivery, isMount } from './known-refusals.ts';
import type { WhyTarget } from './why-model.ts';

/** What is looked at. */
export interface Scope {
  readonly targets: readonly WhyTarget[];
  /** Whether this is all there is, and not what somebody has named. */
  readonly isAll: boolean;
  readonly services: readonly ScopedService[];
  /** Of this node. */
  readonly volumes: readonly ScopedVolume[];
  /** Services of which nothing but a refusal is known. */
  readonly remembered: readonly string[];
}

export interface ScopedService {
  readonly service: EngineService;
  /** Only this secret of it, by its name in the store; undefined: all. */
  readonly secret?: string;
  /** Only this task of it. */
  readonly task?: EngineTask;
}

export interface ScopedVolume {
  readonly name: string;
  /** Only if this secret is in it, and only that. */
  readonly secret?: string;
}

/** So many are named of what is ambiguous. */
const MEANT_MAX = 5;
const NOTHING: Scope = { targets: [], isAll: false, services: [], volumes: [], remembered: [] };

/** Throws `why.not-found` and `why.ambiguous`. */
export function scopeOf(facts: Known, name: string | undefined): Scope {
  if (name === undefined) {
    return everything(facts);
  }
  const exact = named(facts, name);
  if (exact.length > 0) {
    return joined(exact);
  }
  const started = startingWith(facts, name);
  const [first, second] = started;
  if (first !== undefined && second !== undefined) {
    const meant = started.flatMap(({ targets }) => targets.map((one) => `${one.kind} ${one.name}`));
    throw new CofferError(
      'why.ambiguous',
      `${printable(name)} means ${meant.slice(0, MEANT_MAX).join(' and ')}`,
      {
        hint: 'Write more of it.',
      },
    );
  }
  const scope = first ?? rememberedAs(facts, name);
  if (scope !== undefined) {
    return scope;
  }
  throw new CofferError(
    'why.not-found',
    `no service, task, secret, container or volume is known here as ${printable(name)}`,
    {
      hint:
        facts.swarm.kind === 'unknown'
          ? 'Services are known where a manager of the swarm is; containers and volumes on their own nodes.'
          : 'See what there is: docker service ls, docker coffer ls. Containers and volumes are known on their own nodes.',
    },
  );
}

function everything(facts: Known): Scope {
  const services = servicesOf(facts);
  const names = new Set(services.map((service) => service.name));
  return {
    ...NOTHING,
    isAll: true,
    services: services.map((service) => ({ service })),
    volumes: facts.volumes.volumes.map(({ name }) => ({ name })),
    // Where the swarm is known, others have gone since.
    remembered:
      facts.swarm.kind === 'known' ? [] : refusedServices(facts, ({ service }) => !names.has(service)),
  };
}

/** All that is called so, or has just that id: a service may be called as its secret is. */
function named(facts: Known, name: string): readonly Scope[] {
  const services = servicesOf(facts).filter((service) => service.name === name || service.id === name);
  const tasks = tasksOf(facts).filter(
    (task) => task.id === name || namesOf(facts, task).some((own) => own === name),
  );
  const containers = facts.volumes.containers.filter((one) => one.name === name || one.id === name);
  return [
    ...services.map(ofService),
    ...(isSecret(facts, name) ? [ofSecret(facts, name)] : []),
    // Of one place there may be several tasks, of which one is to run.
    ...tasks.slice(-1).map((task) => ofTask(facts, task)),
    ...containers.map((container) => ofContainer(facts, container)),
    ...facts.volumes.volumes.filter((volume) => volume.name === name).map((volume) => ofVolume(volume.name)),
  ];
}

/** Not more than it takes to say that it is ambiguous. */
function startingWith(facts: Known, start: string): readonly Scope[] {
  const begins = ({ id }: { readonly id: string }): boolean => start !== '' && id.startsWith(start);
  const tasks = facts.swarm.kind === 'known' ? facts.swarm.tasks : [];
  return [
    ...servicesOf(facts).filter(begins).slice(0, MEANT_MAX).map(ofService),
    ...tasks
      .filter(begins)
      .slice(0, MEANT_MAX)
      .map((task) => ofTask(facts, task)),
    ...facts.volumes.containers
      .filter(begins)
      .slice(0, MEANT_MAX)
      .map((container) => ofContainer(facts, container)),
  ];
}

/** The engine does not know it, or cannot be asked: what was refused tells something still. */
function rememberedAs(facts: Known, name: string): Scope | undefined {
  const services = refusedServices(
    facts,
    (one) => [one.service, one.serviceId, one.task].includes(name) || sameName(one.secret, name),
  );
  const volumes = facts.refusals
    .filter(isMount)
    .filter((one) => one.volume === name || one.users.includes(name))
    .map(({ volume }) => volume);
  if (services.length === 0 && volumes.length === 0) {
    return undefined;
  }
  const kind = services.length === 0 ? 'volume' : 'service';
  return {
    ...NOTHING,
    targets: [{ kind, name }],
    remembered: services,
    volumes: [...new Set(volumes)].map((volume) => ({ name: volume })),
  };
}

/** Names of services that were refused something, each once. */
function refusedServices(facts: Known, isMeant: (refusal: ReportedDelivery) => boolean): readonly string[] {
  const meant = facts.refusals.filter(isDelivery).filter(isMeant);
  return [...new Set(meant.map(({ service }) => service))];
}

function servicesOf({ swarm }: Known): readonly EngineService[] {
  return swarm.kind === 'known' ? swarm.services : [];
}

/** Those that are to run come last. */
function tasksOf({ swarm }: Known): readonly EngineTask[] {
  const tasks = swarm.kind === 'known' ? swarm.tasks : [];
  const rank = ({ desiredState }: EngineTask): number => Number(desiredState === 'running');
  return tasks.toSorted((a, b) => rank(a) - rank(b) || (a.changedAt_ms ?? 0) - (b.changedAt_ms ?? 0));
}

/** As `docker service ps` has them: `web.1`, `web.1.ID`. */
function namesOf(facts: Known, task: EngineTask): readonly string[] {
  const name = taskName(facts, task);
  return [name, `${name}.${task.id}`];
}

/** `web.1`; of a service that has one on each node, `web.NODE`. */
export function taskName(facts: Known, { nodeId, serviceId, slot }: EngineTask): string {
  const service = facts.serviceNames.get(serviceId) ?? serviceId;
  return `${service}.${slot === undefined || slot === 0 ? nodeId : slot}`;
}

function isSecret({ store, swarm }: Known, name: string): boolean {
  const inStore = store.kind === 'serving' && store.store.byName(name) !== undefined;
  const inEngine =
    swarm.kind === 'known' &&
    swarm.secrets.some(
      (secret) =>
        secret.driver !== undefined &&
        (secret.id === name || sameName(secret.name, name) || sameName(storeNameOf(secret), name)),
    );
  return inStore || inEngine;
}

function ofService(service: EngineService): Scope {
  return { ...NOTHING, targets: [{ kind: 'service', name: service.name }], services: [{ service }] };
}

function ofTask(facts: Known, task: EngineTask): Scope {
  return {
    ...NOTHING,
    targets: [{ kind: 'task', name: `${taskName(facts, task)}.${task.id}` }],
    services: servicesOf(facts)
      .filter(({ id }) => id === task.serviceId)
      .map((service) => ({ service, task })),
  };
}

/** Whoever uses it, by whatever name. */
function ofSecret(facts: Known, name: string): Scope {
  const registered =
    facts.swarm.kind === 'known'
      ? facts.swarm.secrets.find(
          (secret) => secret.id === name || (secret.driver !== undefined && sameName(secret.name, name)),
        )
      : undefined;
  const secret = registered === undefined ? name : storeNameOf(registered);
  return {
    ...NOTHING,
    targets: [{ kind: 'secret', name: registered?.name ?? name }],
    services: servicesOf(facts).map((service) => ({ service, secret })),
    volumes: facts.volumes.volumes.map((volume) => ({ name: volume.name, secret })),
    // Where the swarm is known, its services are looked at themselves.
    remembered:
      facts.swarm.kind === 'known' ? [] : refusedServices(facts, (one) => sameName(one.secret, name)),
  };
}

function ofContainer({ volumes }: Known, container: EngineContainer): Scope {
  const known = new Set(volumes.volumes.map(({ name }) => name));
  return {
    ...NOTHING,
    targets: [{ kind: 'container', name: container.name }],
    volumes: container.volumes.filter((name) => known.has(name)).map((volume) => ({ name: volume })),
  };
}

function ofVolume(name: string): Scope {
  return { ...NOTHING, targets: [{ kind: 'volume', name }], volumes: [{ name }] };
}

/** What bears one name is looked at together; who is looked at as a whole, is not looked at for one secret as well. */
function joined(scopes: readonly Scope[]): Scope {
  const services = scopes.flatMap((scope) => scope.services);
  const volumes = scopes.flatMap((scope) => scope.volumes);
  const whole = new Set(services.filter(({ secret }) => secret === undefined).map(({ service }) => service));
  const wholeVolumes = new Set(volumes.filter(({ secret }) => secret === undefined).map(({ name }) => name));
  return {
    ...NOTHING,
    targets: scopes.flatMap(({ targets }) => targets),
    services: services.filter(({ secret, service }) => secret === undefined || !whole.has(service)),
    volumes: volumes.filter(({ name, secret }) => secret === undefined || !wholeVolumes.has(name)),
    remembered: [...new Set(scopes.flatMap((scope) => scope.remembered))],
  };
}

function sameName(one: string, other: string): boolean {
  return nameKey(one) === nameKey(other);
}
