// SPDX-License-Identifier: Apache-2.0
// What is known, in the order in which it is looked up: a swarm may have thousands of tasks, and whoever asks why must not hold up others.
import type { EngineSecret, EngineTask } from '../engine/index.ts';
import type { Delivery } from '../secrets/index.ts';
import { knownRefusals, type Remembered } from './known-refusals.ts';
import type { WhyFacts } from './why-facts.ts';

export interface Known extends WhyFacts {
  /** Of all managers, newest first. */
  readonly refusals: readonly Remembered[];
  readonly serviceNames: ReadonlyMap<string, string>;
  /** The engine's secrets by their ids. */
  readonly registered: ReadonlyMap<string, EngineSecret>;
  /** What coffer is called by the managers that have told, without a tag. */
  readonly driverNames: ReadonlySet<string>;
  /** Of a service, by its id. */
  tasksOf(serviceId: string): readonly EngineTask[];
  /** To a task, oldest first. */
  deliveriesTo(taskId: string): readonly Delivery[];
}

export function knownFrom(facts: WhyFacts): Known {
  const { others, report, store, swarm } = facts;
  const { secrets, services, tasks } =
    swarm.kind === 'known' ? swarm : { secrets: [], services: [], tasks: [] };
  const byService = grouped(tasks, ({ serviceId }) => serviceId);
  const byTask = grouped(store.kind === 'serving' ? store.deliveries : [], ({ taskId }) => taskId);
  const told = others.flatMap((answer) => (answer.kind === 'told' ? [answer.report.driverName] : []));
  return {
    ...facts,
    refusals: knownRefusals(facts),
    serviceNames: new Map(services.map(({ id, name }) => [id, name] as const)),
    registered: new Map(secrets.map((secret) => [secret.id, secret] as const)),
    driverNames: new Set([report.driverName, ...told].map((name) => name.replace(/:latest$/, ''))),
    tasksOf: (serviceId) => byService.get(serviceId) ?? [],
    deliveriesTo: (taskId) => byTask.get(taskId) ?? [],
  };
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [item]);
    } else {
      group.push(item);
    }
  }
  return groups;
}
