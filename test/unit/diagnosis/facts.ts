// SPDX-License-Identifier: Apache-2.0
// What is known of a small swarm, where nothing is wrong: each test takes something away from it.
import type { ManagerAnswer, ManagerReport, ReportedDelivery } from '../../../src/cluster/index.ts';
import type { SwarmFacts, WhyFacts, StoreFacts } from '../../../src/diagnosis/index.ts';
import type { EngineNode, EngineSecret, EngineService, EngineTask } from '../../../src/engine/index.ts';
import {
  EVERYTHING_ALLOWED,
  type NodeObject,
  type Policy,
  type SealingKeyObject,
} from '../../../src/membership/index.ts';
import type { Delivery, Secret } from '../../../src/secrets/index.ts';
import { aNode } from '../../support/cluster-objects.ts';

export const NOW_MS = 1_000_000;

/** Two managers of the cluster beside the two of the swarm; `one` is this node, `two` leads the swarm. */
export const ONE: NodeObject = { ...aNode('one', 'manager', 1), engineNodeId: 'e1' };
export const TWO: NodeObject = { ...aNode('two', 'manager', 2), engineNodeId: 'e2' };

export function swarmNode(id: string, hostname: string, leadsSwarm = false): EngineNode {
  return { id, hostname, role: 'manager', labels: {}, ...(leadsSwarm && { leadsSwarm }) };
}

export function aSecret(name: string, over: Partial<Secret> = {}): Secret {
  return {
    id: `id-of-${name}`,
    name,
    labels: {},
    origin: 'control',
    pending: false,
    engine: undefined,
    versions: [1, 2].map((number) => ({ number, createdAt_ms: number, size: 5 })),
    destroyed: [],
    createdAt_ms: 1,
    updatedAt_ms: 2,
    modifiedIndex: 3,
    ...over,
  };
}

export function registered(name: string, over: Partial<EngineSecret> = {}): EngineSecret {
  return { id: `eng-${name}`, name, driver: 'coffer', labels: {}, createdAt: '', versionIndex: 1, ...over };
}

export function service(
  name: string,
  secrets: readonly string[],
  over: Partial<EngineService> = {},
): EngineService {
  return {
    id: `svc-${name}`,
    name,
    labels: {},
    image: 'redis:8',
    mounts: [],
    secrets: secrets.map((secret) => ({ id: `eng-${secret}`, name: secret })),
    ...over,
  };
}

export function task(id: string, of: string, over: Partial<EngineTask> = {}): EngineTask {
  return {
    id,
    serviceId: `svc-${of}`,
    slot: 1,
    nodeId: 'e1',
    state: 'running',
    desiredState: 'running',
    changedAt_ms: NOW_MS - 5_000,
    image: 'redis:8',
    mounts: [],
    secrets: [],
    ...over,
  };
}

export function delivery(taskId: string, name: string, over: Partial<Delivery> = {}): Delivery {
  return {
    taskId,
    secretId: `id-of-${name}`,
    name,
    version: 2,
    pinned: false,
    at_ms: NOW_MS - 6_000,
    ...over,
  };
}

export function refusal(
  service: string,
  secret: string,
  over: Partial<ReportedDelivery> = {},
): ReportedDelivery {
  return {
    kind: 'secret',
    service,
    serviceId: `svc-${service}`,
    task: `${service}.1.t1`,
    secret,
    at_ms: NOW_MS - 2_000,
    code: 'secret.not-found',
    message: `coffer holds no secret ${secret}`,
    hint: `Store its value: docker coffer put ${secret} -`,
    count: 3,
    ...over,
  };
}

export function report(over: Partial<ManagerReport> = {}): ManagerReport {
  return { now_ms: NOW_MS, driverName: 'coffer', refusals: [], ...over };
}

export function told(nodeId: string, over: Partial<ManagerReport> = {}): ManagerAnswer {
  return { kind: 'told', nodeId, report: report(over), askedAt_ms: NOW_MS - 5, answeredAt_ms: NOW_MS + 5 };
}

export function swarm(over: Partial<Extract<SwarmFacts, { kind: 'known' }>> = {}): SwarmFacts {
  return {
    kind: 'known',
    services: [service('web', ['db'])],
    tasks: [task('t1', 'web')],
    nodes: [swarmNode('e1', 'one'), swarmNode('e2', 'two', true)],
    secrets: [registered('db')],
    ownNodeId: 'e1',
    ...over,
  };
}

export interface StoreOver {
  readonly secrets?: readonly Secret[];
  readonly policy?: Policy;
  readonly nodes?: readonly NodeObject[];
  readonly deliveries?: readonly Delivery[];
  readonly sealingKeys?: readonly SealingKeyObject[];
}

export function store({
  deliveries = [delivery('t1', 'db')],
  nodes = [ONE, TWO],
  policy = EVERYTHING_ALLOWED,
  sealingKeys = [],
  secrets = [aSecret('db')],
}: StoreOver = {}): StoreFacts {
  return {
    kind: 'serving',
    store: {
      byName: (name) => secrets.find((secret) => secret.name.toLowerCase() === name.toLowerCase()),
      cluster: {
        policy,
        nodes: () => nodes,
        nodeByEngine: (id) => nodes.find(({ engineNodeId }) => engineNodeId === id),
        sealingKey: (id) => sealingKeys.find((key) => key.id === id),
      },
    },
    deliveries,
    freshness: 'linearizable',
    ownId: ONE.id,
    isAutolocked: false,
    grants: [],
  };
}

export function facts(over: Partial<WhyFacts> = {}): WhyFacts {
  return {
    now_ms: NOW_MS,
    swarm: swarm(),
    store: store(),
    report: report(),
    others: [told(TWO.id)],
    volumes: { volumes: [], containers: [], problem: undefined },
    ...over,
  };
}
