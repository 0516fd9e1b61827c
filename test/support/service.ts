// SPDX-License-Identifier: Apache-2.0
// Swarm services of the test image, and what their containers find in /run/secrets.
import { TEST_IMAGE } from './busybox.ts';
import type { CommandResult } from './command.ts';
import type { DockerOptions, Engine } from './engine.ts';
import { waitFor } from './wait-for.ts';

const start_ms_max = 60_000;
const TASK_LABEL = 'com.docker.swarm.task.id';

/** A container that runs, of what an engine says of it. */
interface ListedContainer {
  readonly Id: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** The words of a service create that a machine without bridge, IPVS and registry can carry out. */
export function serviceCreate(
  name: string,
  words: readonly string[],
  command: readonly string[] = [],
): string[] {
  const how = ['--detach', '--network', 'host', '--no-resolve-image', '--restart-delay', '1s'];
  return ['service', 'create', '--name', name, ...how, ...words, TEST_IMAGE, ...command];
}

/** The words of a service update, for the same machine. */
export function serviceUpdate(name: string, words: readonly string[]): string[] {
  return ['service', 'update', '--detach', '--no-resolve-image', ...words, name];
}

/** A running task's container. */
export interface Task {
  readonly id: string;
  readonly container: string;
  /** Runs a program in the container; rejects unless it exits with code 0. */
  exec(command: readonly string[]): Promise<CommandResult>;
  /** What is in /run/secrets/NAME. */
  secret(name: string): Promise<string>;
}

/** The service's running containers. */
export async function runningTasks(engine: Engine, service: string): Promise<readonly Task[]> {
  // By its id: containers of an earlier service of that name may still be ending.
  return tasksOf(engine, await serviceId(engine, service));
}

/** A service, of what an engine says of it. */
interface InspectedService {
  readonly ID: string;
  readonly Spec: { readonly TaskTemplate: { readonly ForceUpdate?: number } };
}

async function inspectService(engine: Engine, service: string): Promise<InspectedService> {
  return (await engine.get(`/services/${encodeURIComponent(service)}`)) as InspectedService;
}

/** The id of a service, as a manager of the swarm knows it. */
export async function serviceId(engine: Engine, service: string): Promise<string> {
  return (await inspectService(engine, service)).ID;
}

/** How often a service's tasks were replaced although nothing else of it had changed. */
export async function forceUpdateOf(engine: Engine, service: string): Promise<number> {
  return (await inspectService(engine, service)).Spec.TaskTemplate.ForceUpdate ?? 0;
}

/** The running containers that an engine has of the service with this id, whether it finds its swarm or not. */
export async function tasksOf(engine: Engine, id: string): Promise<readonly Task[]> {
  const filters = JSON.stringify({ label: [`com.docker.swarm.service.id=${id}`] });
  const containers = (await engine.get('/containers/json', { filters })) as readonly ListedContainer[];
  return containers.map(({ Id: container, Labels: { [TASK_LABEL]: task = '' } }) => {
    const exec = async (command: readonly string[]): Promise<CommandResult> =>
      engine.docker(['exec', container, ...command]);
    return {
      id: task,
      container,
      exec,
      secret: async (name) => (await exec(['cat', `/run/secrets/${name}`])).stdout,
    };
  });
}

export interface TaskWait {
  /** Tasks that ran before do not count. */
  readonly otherThan?: readonly Task[];
  readonly count?: number;
}

/** Resolves to the service's tasks once exactly so many run (1 by default) and none that is excluded. */
export async function waitForTasks(
  engine: Engine,
  service: string,
  { otherThan = [], count = 1 }: TaskWait = {},
): Promise<readonly Task[]> {
  const before = new Set(otherThan.map(({ id }) => id));
  return waitFor(
    async () => {
      const tasks = await runningTasks(engine, service);
      return tasks.length === count && !tasks.some(({ id }) => before.has(id)) ? tasks : undefined;
    },
    { what: `${count} running tasks of ${service}`, timeout_ms: start_ms_max, interval_ms: 100 },
  );
}

/** The same for one task. */
export async function waitForTask(
  engine: Engine,
  service: string,
  otherThan: readonly Task[] = [],
): Promise<Task> {
  const [task] = await waitForTasks(engine, service, { otherThan });
  if (task === undefined) {
    throw new Error('one task was waited for');
  }
  return task;
}

/** Creates a service of one task and waits for it. */
export async function startService(
  engine: Engine,
  name: string,
  words: readonly string[],
  options: DockerOptions = {},
): Promise<Task> {
  await engine.docker(serviceCreate(name, words), options);
  return waitForTask(engine, name);
}

/** Updates a service of one task and waits for the task that takes the place of `before`. */
export async function updateService(
  engine: Engine,
  name: string,
  words: readonly string[],
  before: Task,
  options: DockerOptions = {},
): Promise<Task> {
  await engine.docker(serviceUpdate(name, words), options);
  return waitForTask(engine, name, [before]);
}
