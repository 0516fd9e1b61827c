// SPDX-License-Identifier: Apache-2.0
// What it costs to decide which node is due which secrets, and how that grows with the swarm.
//
//   --quick   a tenth of it
import { cpus } from 'node:os';
import type { NodePlan, PlanNode } from '../../src/distribution/plan-model.ts';
import { indexSwarm, planNode } from '../../src/distribution/planner.ts';
import {
  type EngineService,
  type EngineTask,
  isSameDriver,
  type SwarmSnapshot,
} from '../../src/engine/index.ts';
import { printTable } from './table.ts';

const NODES = 1_000;
const SERVICES = 10_000;
const TASKS = 30_000;
const SECRETS = 10_000;
const RUNS = 15;

interface Swarm {
  readonly snapshot: SwarmSnapshot;
  readonly nodes: readonly PlanNode[];
}

interface Cost {
  /** Of going through the whole swarm once. */
  readonly index_ms: number;
  /** Of planning all nodes after that. */
  readonly plans_ms: number;
  /** Of one node that reports. */
  readonly one_us: number;
  readonly due: number;
}

/** Services of three tasks with two secrets each, a tenth of them with none of coffer's; each node tells its own containers. */
function swarmOf(factor: number): Swarm {
  const nodeCount = Math.round(NODES * factor);
  const services = Array.from({ length: Math.round(SERVICES * factor) }, (_, at): EngineService => {
    return { id: `service${at}`, name: `service${at}`, labels: {}, image: 'app', mounts: [], secrets: [] };
  });
  const tasks = Array.from({ length: Math.round(TASKS * factor) }, (_, at): EngineTask => {
    const service = at % services.length;
    const driver = service % 10 === 0 ? 'local' : 'coffer:latest';
    const options = { secrets: `secret${service % SECRETS},secret${(service + 1) % SECRETS}:other:0400` };
    return {
      id: `task${at}`,
      serviceId: `service${service}`,
      nodeId: `engine${at % nodeCount}`,
      state: 'running',
      desiredState: 'running',
      image: 'app',
      mounts: [{ source: `volume${service}`, driver, options }],
      secrets: [],
    };
  });
  const nodes = Array.from({ length: nodeCount }, (_, at) => nodeOf(at, tasks, nodeCount));
  return { snapshot: { begunAt_ms: 1, nodes: [], services, tasks }, nodes };
}

function nodeOf(at: number, tasks: readonly EngineTask[], nodeCount: number): PlanNode {
  const containers = [];
  for (let task = at; task < tasks.length; task += nodeCount) {
    const id = task.toString(16).padStart(64, '0');
    containers.push({ id, name: id, image: 'web', imageId: '', labels: {}, taskId: `task${task}` });
  }
  const id = `node${at}`;
  return { id, hostname: id, engineNodeId: `engine${at}`, facts: { containers }, reportedAt_ms: 0 };
}

function measure({ nodes, snapshot }: Swarm): Cost {
  const isDriver = (name: string): boolean => isSameDriver(name, 'coffer');
  const secrets = new Map(
    Array.from({ length: SECRETS }, (_, at) => [
      `secret${at}`,
      { id: `id${at}`, name: `secret${at}`, version: 1 },
    ]),
  );
  const [index_ms, index] = timed(() => indexSwarm(snapshot, isDriver));
  const planOf = (node: PlanNode): NodePlan =>
    planNode(node, index, [], (name) => secrets.get(name), undefined);
  const [plans_ms, plans] = timed(() => nodes.map(planOf));
  return {
    index_ms,
    plans_ms,
    one_us: (plans_ms / nodes.length) * 1_000,
    due: plans.reduce((sum, plan) => sum + plan.secrets.size, 0),
  };
}

/** The median time of some runs, and what the last one came to. */
function timed<T>(work: () => T): readonly [number, T] {
  const times_ms: number[] = [];
  let result = work();
  for (let run = 0; run < RUNS; run += 1) {
    const begun_ms = performance.now();
    result = work();
    times_ms.push(performance.now() - begun_ms);
  }
  return [times_ms.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0, result];
}

const base = process.argv.includes('--quick') ? 0.1 : 1;
process.stdout.write(
  `Planning which node is due which secrets: median of ${RUNS} runs, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}\n\n`,
);
const rows = [0.1, 0.3, 1, 3].map((step) => {
  const swarm = swarmOf(base * step);
  const { due, index_ms, one_us, plans_ms } = measure(swarm);
  const { services, tasks } = swarm.snapshot;
  return [
    `x${step}`,
    ...[swarm.nodes.length, services.length, tasks.length, due].map(String),
    ...[index_ms, plans_ms, one_us].map((cost) => cost.toFixed(1)),
    (((index_ms + plans_ms) / tasks.length) * 1_000).toFixed(2),
  ];
});
printTable([
  ['size', 'nodes', 'services', 'tasks', 'due', 'the swarm, ms', 'all nodes, ms', 'one node, us', 'us/task'],
  ...rows,
]);
