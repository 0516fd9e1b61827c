// SPDX-License-Identifier: Apache-2.0
// Services with volumes of secrets in a swarm with coffer: where their containers are, and what is left on which node.
import { isDeepStrictEqual } from 'node:util';
import { Container } from './container.ts';
import type { CofferSwarm } from './coffer-swarm.ts';
import { linesOf } from './installation.ts';
import { describeLeaks, type LeakScanner } from './leak-scanner.ts';
import { leaksInMemory } from './process-memory.ts';
import { serviceCreate } from './service.ts';
import type { Member } from './swarm-member.ts';
import { unmounted, volumesOf } from './volumes.ts';
import { waitFor } from './wait-for.ts';

const task_ms_max = 60_000;
const effect_ms_max = 30_000;

/** The words that keep a service on these nodes of a swarm. */
export function constrainedTo(swarm: CofferSwarm, ...members: readonly Member[]): readonly string[] {
  return swarm.nodes
    .filter((member) => !members.includes(member))
    .flatMap(({ name }) => ['--constraint', `node.hostname!=${name}`]);
}

/** The containers of a service that run on a node, by their ids. */
async function containerIds({ engine }: Member, service: string): Promise<readonly string[]> {
  const filters = JSON.stringify({ label: [`com.docker.swarm.service.name=${service}`] });
  const containers = (await engine.get('/containers/json', { filters })) as readonly {
    readonly Id: string;
  }[];
  return containers.map(({ Id }) => Id);
}

/** A running container of the service on this node, once there is one other than those before. */
export async function containerOn(
  member: Member,
  service: string,
  others: readonly Container[] = [],
): Promise<Container> {
  return waitFor(
    async () => {
      const ids = await containerIds(member, service);
      const id = ids.find((one) => others.every((other) => other.id !== one));
      return id === undefined ? undefined : Container.of(member.engine, id);
    },
    { what: `a container of ${service} on ${member.name}`, timeout_ms: task_ms_max, interval_ms: 100 },
  );
}

/**
 * Resolves once the service is seen to have ended on this node: by `manager`, whose engine reports no task that runs or is to
 * run, and by its own engine, which has no container.
 */
export async function reportedGone(manager: Member, member: Member, service: string): Promise<void> {
  const running = ['--filter', 'desired-state=running', '--format', '{{.Name}}'];
  await waitFor(
    async () => {
      const [{ stdout: tasks }, containers] = await Promise.all([
        manager.engine.docker(['node', 'ps', ...running, member.name]),
        containerIds(member, service),
      ]);
      const named = linesOf(tasks).filter((name) => name.startsWith(`${service}.`));
      return named.length === 0 && containers.length === 0;
    },
    {
      what: `nothing of ${service} to run on ${member.name}`,
      timeout_ms: task_ms_max,
      interval_ms: 20,
    },
  );
}

/** How long it took after the report, in milliseconds. */
export interface Wiped {
  readonly files_ms: number;
  readonly memory_ms: number;
}

/** Resolves once nothing is mounted for a volume on a node, and no value of the scanner is in its daemon's memory. */
export async function wiped(member: Member, scanner: LeakScanner, volume: string): Promise<Wiped> {
  const startedAt = performance.now();
  await unmounted(member.engine, member.volumesDirectory, volume);
  const files_ms = performance.now() - startedAt;
  await waitFor(
    () => {
      const leaks = leaksInMemory(scanner, member.pid);
      if (leaks.length > 0) {
        throw new Error(describeLeaks(leaks));
      }
      return true;
    },
    { what: `the memory of coffer on ${member.name} to hold nothing of it`, timeout_ms: effect_ms_max },
  );
  return { files_ms, memory_ms: performance.now() - startedAt };
}

/** Creates a service that a machine without bridge, IPVS and registry can run. */
export async function createService(
  manager: Member,
  name: string,
  words: readonly string[],
  command: readonly string[] = [],
): Promise<void> {
  await manager.engine.docker(serviceCreate(name, words, command));
}

/** Removes every service and every secret of the engines, and then the volumes, of which nothing is mounted any more. */
export async function clearServices(swarm: CofferSwarm): Promise<void> {
  const manager = await swarm.swarmLeader();
  for (const what of ['service', 'secret']) {
    const ids = linesOf((await manager.engine.docker([what, 'ls', '--quiet'])).stdout);
    if (ids.length > 0) {
      // A secret is in use for as long as its service is being removed.
      await waitFor(async () => (await manager.docker([what, 'rm', ...ids])).code === 0, {
        what: `each ${what} to be removed`,
      });
    }
  }
  await Promise.all(swarm.nodes.map(clearNode));
}

async function clearNode({ engine, name, volumesDirectory }: Member): Promise<void> {
  await waitFor(async () => isDeepStrictEqual(await engine.get('/containers/json', { all: '1' }), []), {
    what: `the containers on ${name} to be gone`,
    timeout_ms: task_ms_max,
  });
  await unmounted(engine, volumesDirectory);
  const volumes = await volumesOf(engine);
  if (volumes.length > 0) {
    await engine.docker(['volume', 'rm', ...volumes]);
  }
}
