// SPDX-License-Identifier: Apache-2.0
// Several engines as one swarm.
import { type Engine, type EngineOptions, startEngine } from './engine.ts';
import type { Network } from './network.ts';
import { waitFor } from './wait-for.ts';

export interface SwarmEngines extends Pick<EngineOptions, 'dockerdArguments' | 'prepare'> {
  /** How many there are beside the managers. Default 0. */
  readonly workers?: number;
}

/** Starts engines on a network, so many managers of one swarm and then its workers. The test stops each of them. */
export async function startSwarm(
  network: Network,
  count: number,
  { workers = 0, ...options }: SwarmEngines = {},
): Promise<readonly Engine[]> {
  const engines: Engine[] = [];
  try {
    for (let number = 1; number <= count + workers; number += 1) {
      engines.push(await startEngine({ ...options, name: `engine-${number}`, network }));
    }
    const [first, ...others] = engines;
    await first?.swarmInit();
    for (const [index, other] of others.entries()) {
      // One after the other: a second change of the membership is refused while one is under way.
      await other.swarmJoin(first ?? other, index + 1 < count ? 'manager' : 'worker');
    }
    return engines;
  } catch (error) {
    await Promise.all(engines.map((engine) => engine.stop()));
    throw error;
  }
}

/**
 * Resolves to the engine that leads the swarm, once all of `engines` agree that it is one of them, and see each of them
 * as reachable.
 */
export async function leaderOf(engines: readonly Engine[], timeout_ms: number): Promise<Engine> {
  return waitFor(
    async () => {
      const views = await Promise.all(engines.map(view));
      const leaders = new Set(views.map(({ leader }) => leader));
      const names = engines.map(({ box }) => box.name);
      const allReach = views.every(({ reachable }) => names.every((name) => reachable.includes(name)));
      const [name] = leaders;
      return leaders.size === 1 && allReach ? engines.find(({ box }) => box.name === name) : undefined;
    },
    { what: 'the swarm to have a leader', timeout_ms, interval_ms: 200 },
  );
}

/** A node, of what an engine says of it. */
interface ListedNode {
  readonly Description: { readonly Hostname: string };
  /** Absent of a worker. */
  readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability: string };
}

/** The swarm as one engine sees it, by the nodes' names. */
async function view(
  engine: Engine,
): Promise<{ readonly leader: string; readonly reachable: readonly string[] }> {
  const nodes = (await engine.get('/nodes')) as readonly ListedNode[];
  const leader = nodes.find(({ ManagerStatus }) => ManagerStatus?.Leader === true);
  const reachable = nodes.filter(
    ({ ManagerStatus }) => ManagerStatus?.Leader === true || ManagerStatus?.Reachability === 'reachable',
  );
  return {
    leader: leader?.Description.Hostname ?? '',
    reachable: reachable.map(({ Description }) => Description.Hostname),
  };
}
