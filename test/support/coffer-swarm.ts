// SPDX-License-Identifier: Apache-2.0
// Engines as one swarm with coffer on each as one cluster, so that a test can be told for both ways of running it. The nodes that
// join are given the token and nothing else.
import type { NodesReply } from '../../src/control/index.ts';
import type { Engine } from './engine.ts';
import { type InstallationKind, linesOf } from './installation.ts';
import { Network } from './network.ts';
import { serviceId, type Task, tasksOf } from './service.ts';
import { type Member, prepareMember, startMember } from './swarm-member.ts';
import { leaderOf, startSwarm } from './swarm.ts';
import { waitFor } from './wait-for.ts';

/** An election in a swarm takes 10 to 20 ticks of a second, and may fail once. */
const election_ms_max = 60_000;
/** Far more than it takes: other tests run beside this one. */
const agreement_ms_max = 60_000;
/** Tasks of an engine that is gone are given to others after some half a minute. */
const tasks_ms_max = 120_000;

export interface SwarmOptions {
  /** How many nodes there are that are workers, of the swarm and of the cluster. Default 0. */
  readonly workers?: number;
  /** coffer's settings on all of them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Resolves to the socket by which coffer, as a process, reaches an engine; by default the engine's own. */
  readonly engineSocket?: (engine: Engine) => Promise<string>;
}

export class CofferSwarm {
  readonly network: Network;
  /** The managers. */
  readonly members: readonly Member[];
  readonly workers: readonly Member[];

  private constructor(network: Network, members: readonly Member[], workers: readonly Member[] = []) {
    this.network = network;
    this.members = members;
    this.workers = workers;
  }

  /** Of members that a test has put together. It ends them and the network. */
  static of(network: Network, members: readonly Member[]): CofferSwarm {
    return new CofferSwarm(network, members);
  }

  /** Starts engines, coffer on the first, and coffer on the others with a token of the first. */
  static async start(
    kind: InstallationKind,
    count: number,
    { engineSocket, settings = {}, workers = 0 }: SwarmOptions = {},
  ): Promise<CofferSwarm> {
    const network = await Network.create();
    let engines: readonly Engine[] = [];
    try {
      engines = await startSwarm(network, count, { workers });
      await Promise.all(engines.map((engine) => prepareMember(kind, engine)));
      const members: Member[] = [];
      for (const [index, engine] of engines.entries()) {
        const role = index < count ? 'manager' : 'worker';
        const token = await members[0]?.cli(['join-token', role, '--quiet']);
        const joining = token === undefined ? {} : { COFFER_JOIN_TOKEN: token.stdout.trim() };
        const reaching = engineSocket && { COFFER_ENGINE_SOCKET: await engineSocket(engine) };
        members.push(await startMember(kind, engine, { ...settings, ...reaching, ...joining }));
      }
      return new CofferSwarm(network, members.slice(0, count), members.slice(count));
    } catch (error) {
      await Promise.all(engines.map((engine) => engine.stop()));
      await network.destroy();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ engine }) => engine.stop()));
    await this.network.destroy();
  }

  /** Removes every service and every secret, once there is a leader of the swarm and one of the cluster. */
  async clear(): Promise<void> {
    await this.swarmLeader();
    const serving = await Promise.all(
      this.members.map(async (member) => ((await member.tryCli(['status'])).code === 0 ? [member] : [])),
    );
    const [any] = serving.flat();
    if (any === undefined) {
      throw new Error('no member serves');
    }
    for (const what of ['service', 'secret']) {
      const { stdout } = await any.engine.docker([what, 'ls', '--quiet']);
      for (const id of linesOf(stdout)) {
        await waitFor(async () => (await any.docker([what, 'rm', id])).code === 0, {
          what: `the ${what} ${id} to be removed`,
        });
      }
    }
    const left = linesOf((await any.cli(['ls', '--quiet'])).stdout);
    if (left.length > 0) {
      await any.cli(['rm', '--force', ...left]);
    }
  }

  /** Managers and workers. */
  get nodes(): readonly Member[] {
    return [...this.members, ...this.workers];
  }

  others(...excluded: readonly Member[]): readonly Member[] {
    return this.members.filter((member) => !excluded.includes(member));
  }

  /** The member whose engine leads the swarm, once the engines of all `members` agree. */
  async swarmLeader(members: readonly Member[] = this.members): Promise<Member> {
    const leader = await leaderOf(
      members.map(({ engine }) => engine),
      election_ms_max,
    );
    return memberOf(members, (member) => member.engine === leader);
  }

  /** The member that leads coffer's cluster, once all `members` agree on it and find each other ready. */
  async leader(members: readonly Member[] = this.members): Promise<Member> {
    return waitFor(
      async () => {
        const views = await Promise.all(members.map((member) => member.seenNodes()));
        const leaders = new Set(views.map((nodes) => nodes.find(({ leader }) => leader)?.hostname));
        const isReady = (nodes: NodesReply['nodes'], { name }: Member): boolean =>
          nodes.some(({ hostname, status, voter }) => hostname === name && status === 'ready' && voter);
        const allReady = views.every((nodes) => members.every((member) => isReady(nodes, member)));
        const [name] = leaders;
        const leader = members.find((member) => member.name === name);
        if (leaders.size === 1 && allReady && leader !== undefined) {
          return leader;
        }
        const words = ({ hostname, leader: leads, status, voter }: NodesReply['nodes'][number]): string =>
          [hostname, status, ...(leads ? ['leads'] : []), ...(voter ? [] : ['votes not'])].join(' ');
        const shown = views.map((nodes, index) => `${members[index]?.name}: ${nodes.map(words).join(', ')}`);
        throw new Error(shown.join('; '));
      },
      {
        what: `${members.map(({ name }) => name).join(', ')} to agree on a leader`,
        timeout_ms: agreement_ms_max,
      },
    );
  }

  /** Has another member than this one lead coffer's cluster: a manager that is stopped hands over. */
  async leadElsewhere(than: Member): Promise<Member> {
    for (let tries = 0; tries < 5; tries += 1) {
      const leader = await this.leader();
      if (leader !== than) {
        return leader;
      }
      await leader.restart();
    }
    throw new Error(`${than.name} leads again and again`);
  }

  /** The service's running tasks on these members' engines, once there are so many. */
  async tasks(
    service: string,
    count: number,
    members: readonly Member[] = this.members,
  ): Promise<readonly Task[]> {
    // Whichever finds its swarm.
    const id = await waitFor(
      async () => Promise.any(members.map(({ engine }) => serviceId(engine, service))),
      {
        what: `the service ${service} to be known`,
        timeout_ms: election_ms_max,
      },
    );
    return waitFor(
      async () => {
        const found = await Promise.all(members.map(({ engine }) => tasksOf(engine, id)));
        const all = found.flat();
        return all.length >= count ? all : undefined;
      },
      { what: `${count} running tasks of ${service}`, timeout_ms: tasks_ms_max, interval_ms: 250 },
    );
  }

  /** Resolves when all members list the same secrets in the same versions. */
  async agreed(): Promise<readonly string[]> {
    await this.leader();
    return waitFor(
      async () => {
        const lists = await Promise.all(this.members.map((member) => member.cli(['ls', '--format', 'json'])));
        const [first, ...others] = lists.map(({ stdout }) => linesOf(stdout).toSorted());
        return others.every((list) => list.join() === first?.join()) ? first : undefined;
      },
      { what: 'all nodes to list the same secrets', timeout_ms: agreement_ms_max },
    );
  }
}

function memberOf(members: readonly Member[], condition: (member: Member) => boolean): Member {
  const found = members.find(condition);
  if (found === undefined) {
    throw new Error('there is no such member');
  }
  return found;
}
