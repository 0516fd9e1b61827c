// SPDX-License-Identifier: Apache-2.0
// What a plan is made from, for tests: everything is as it mostly is, but for what a test says.
import type { PlanInput, PlannedSecret, PlanNode } from '../../../src/distribution/plan-model.ts';
import type { ContainerFact } from '../../../src/distribution/protocol.ts';
import {
  type EngineMount,
  type EngineTask,
  isSameDriver,
  type SwarmSnapshot,
} from '../../../src/engine/index.ts';
import { EVERYTHING_ALLOWED, type GrantObject } from '../../../src/membership/index.ts';

export const CONTAINER_ID = 'c'.repeat(64);
/** When nodes report, unless a test says otherwise; swarms are read just after that. */
export const REPORTED_MS = 1_000;

export function container(facts: Partial<ContainerFact> = {}): ContainerFact {
  return { id: CONTAINER_ID, name: 'web', image: 'nginx', imageId: '', labels: {}, taskId: '', ...facts };
}

export function node(
  id: string,
  containers: readonly ContainerFact[] = [],
  rest: Partial<PlanNode> = {},
): PlanNode {
  return {
    id,
    hostname: id,
    engineNodeId: `engine-${id}`,
    facts: { containers },
    reportedAt_ms: REPORTED_MS,
    ...rest,
  };
}

export function mount(source: string, options: EngineMount['options'] = {}, driver = 'coffer'): EngineMount {
  return { source, driver, options };
}

/** One that runs on node `a`. */
export function task(id: string, rest: Partial<EngineTask> = {}): EngineTask {
  return {
    id,
    serviceId: 'service',
    nodeId: 'engine-a',
    state: 'running',
    desiredState: 'running',
    image: 'nginx',
    mounts: [mount('db')],
    secrets: [],
    ...rest,
  };
}

export function swarm(tasks: readonly EngineTask[], rest: Partial<SwarmSnapshot> = {}): SwarmSnapshot {
  const services = [{ id: 'service', name: 'web', labels: {}, image: 'nginx', mounts: [], secrets: [] }];
  return { begunAt_ms: REPORTED_MS + 1, nodes: [], services, tasks, ...rest };
}

/** That any container of node `a` may have the secret. */
export function grant(secret: string, rest: Partial<GrantObject> = {}): GrantObject {
  return {
    kind: 'grant',
    id: `grant-${secret}`,
    secret,
    nodeId: 'a',
    container: '',
    labels: {},
    image: '',
    grantedAt_ms: 0,
    ...rest,
  };
}

export function planInput(
  rest: Partial<PlanInput> = {},
  names: readonly string[] = ['db', 'api'],
): PlanInput {
  return {
    nodes: [node('a')],
    swarm: undefined,
    grants: [],
    policy: EVERYTHING_ALLOWED,
    secret: (name) => storeOf(names).get(name.toLowerCase()),
    isDriver: (name) => isSameDriver(name, 'coffer'),
    ...rest,
  };
}

function storeOf(names: readonly string[]): ReadonlyMap<string, PlannedSecret> {
  return new Map(names.map((name) => [name.toLowerCase(), { id: `id-${name}`, name, version: 1 }]));
}
