// SPDX-License-Identifier: Apache-2.0
// Engines as one swarm with coffer on each as one cluster, so that a test can be told for both ways of running it. The nodes that
// join are given the token and nothing else.
import { killProcess } from './cleanup.ts';
import { Coffer, cofferCli, startCoffer, tryCofferCli } from './coffer.ts';
import type { CommandResult } from './command.ts';
import type { DockerOptions, Engine } from './engine.ts';
import { type InstallationKind, linesOf } from './installation.ts';
import { installPlugin, ManagedPlugin } from './managed-plugin.ts';
import { Network, type NetworkHost } from './network.ts';
import { serviceId, type Task, tasksOf } from './service.ts';
import { leaderOf, startSwarm } from './swarm.ts';
import { waitFor } from './wait-for.ts';

/** An election in a swarm takes 10 to 20 ticks of a second, and may fail once. */
const election_ms_max = 60_000;
const agreement_ms_max = 30_000;
/** Tasks of an engine that is gone are given to others after some half a minute. */
const tasks_ms_max = 120_000;

/** A node as `coffer node ls --format json` shows it. */
export interface ShownNode {
  readonly ID: string;
  readonly Hostname: string;
  readonly Role: string;
  readonly Status: string;
  readonly Leader: boolean;
  readonly Voter: boolean;
  readonly Self: boolean;
  readonly Address: string;
  readonly EngineNodeID: string;
}

/** What both ways of running coffer have in common. */
interface Daemon {
  readonly controlSocket: string;
  readonly gatewaySocket: string;
  log(): string;
}

/** coffer on one engine. */
export class Member {
  readonly engine: Engine;
  readonly host: NetworkHost;
  readonly #daemon: Coffer | ManagedPlugin;

  constructor(engine: Engine, daemon: Coffer | ManagedPlugin) {
    if (engine.host === undefined) {
      throw new Error('the engine is not on a network');
    }
    this.engine = engine;
    this.host = engine.host;
    this.#daemon = daemon;
  }

  get name(): string {
    return this.engine.box.name;
  }

  get daemon(): Daemon {
    return this.#daemon;
  }

  /** Runs `docker` through the gateway; rejects unless it exits with code 0. */
  async docker(args: readonly string[], options: DockerOptions = {}): Promise<CommandResult> {
    return this.engine.docker(args, { socket: this.#daemon.gatewaySocket, ...options });
  }

  async cli(args: readonly string[], input?: string): Promise<CommandResult> {
    return cofferCli(this.#daemon.controlSocket, args, input === undefined ? {} : { input });
  }

  async tryCli(args: readonly string[]): Promise<CommandResult> {
    return tryCofferCli(this.#daemon.controlSocket, args);
  }

  /** The cluster as this node shows it, by the nodes' names. */
  async nodes(): Promise<readonly ShownNode[]> {
    const { stdout } = await this.cli(['node', 'ls', '--format', 'json']);
    return linesOf(stdout)
      .map((line) => JSON.parse(line) as ShownNode)
      .sort((one, other) => one.Hostname.localeCompare(other.Hostname));
  }

  /** The node's id in the swarm, by its engine. */
  async engineNodeId(): Promise<string> {
    return (await this.engine.docker(['info', '--format', '{{.Swarm.NodeID}}'])).stdout.trim();
  }

  /** Kills the daemon (SIGKILL). Of a plugin its engine starts another at once; a process stays away until `comeBack`. */
  async crash(): Promise<void> {
    await this.#daemon.kill9();
  }

  async comeBack(): Promise<void> {
    if (this.#daemon instanceof Coffer) {
      await this.#daemon.start();
    }
  }

  /** Kills the engine and the daemon, as a power cut does. */
  async powerOff(): Promise<void> {
    await this.engine.kill();
    if (this.#daemon instanceof ManagedPlugin) {
      // Nobody is left to start it again.
      const pid = this.#daemon.pid();
      if (pid !== undefined) {
        killProcess(pid);
      }
    } else {
      await this.#daemon.kill9();
    }
  }

  async powerOn(): Promise<void> {
    await Promise.all([this.engine.start(), this.comeBack()]);
    await this.serving();
  }

  /** Resolves when it serves, after its engine was started again: a plugin is then another process. */
  async serving(): Promise<void> {
    await waitFor(async () => (await this.tryCli(['status'])).code === 0, {
      what: `coffer on ${this.name} to serve`,
      timeout_ms: agreement_ms_max,
    });
  }

  /** Ends the daemon as its user does, and starts it again. */
  async restart(): Promise<void> {
    if (this.#daemon instanceof Coffer) {
      await this.#daemon.restart();
    } else {
      await this.#daemon.disable();
      await this.#daemon.enable();
    }
  }
}

export class CofferSwarm {
  readonly network: Network;
  readonly members: readonly Member[];

  private constructor(network: Network, members: readonly Member[]) {
    this.network = network;
    this.members = members;
  }

  /** Of members that a test has put together. It ends them and the network. */
  static of(network: Network, members: readonly Member[]): CofferSwarm {
    return new CofferSwarm(network, members);
  }

  /** Starts engines, coffer on the first, and coffer on the others with a token of the first. */
  static async start(kind: InstallationKind, count: number): Promise<CofferSwarm> {
    const network = await Network.create();
    let engines: readonly Engine[] = [];
    try {
      engines = await startSwarm(network, count);
      await Promise.all(engines.map((engine) => engine.importBusybox()));
      const members: Member[] = [];
      let settings: Readonly<Record<string, string>> = {};
      for (const engine of engines) {
        const member = await startMember(kind, engine, settings);
        members.push(member);
        const token = await members[0]?.cli(['join-token', 'manager', '--quiet']);
        settings = { COFFER_JOIN_TOKEN: token?.stdout.trim() ?? '' };
      }
      return new CofferSwarm(network, members);
    } catch (error) {
      await Promise.all(engines.map((engine) => engine.stop()));
      await network.destroy();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ engine }) => engine.stop()));
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
        const views = await Promise.all(members.map((member) => member.nodes()));
        const leaders = new Set(views.map((nodes) => nodes.find(({ Leader }) => Leader)?.Hostname));
        const isReady = (nodes: readonly ShownNode[], { name }: Member): boolean =>
          nodes.some(({ Hostname, Status, Voter }) => Hostname === name && Status === 'ready' && Voter);
        const allReady = views.every((nodes) => members.every((member) => isReady(nodes, member)));
        const [name] = leaders;
        const leader = members.find((member) => member.name === name);
        if (leaders.size === 1 && allReady && leader !== undefined) {
          return leader;
        }
        const words = ({ Hostname, Status, Leader, Voter }: ShownNode): string =>
          [Hostname, Status, ...(Leader ? ['leads'] : []), ...(Voter ? [] : ['votes not'])].join(' ');
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

  /** Has this member lead coffer's cluster. */
  async leadAt(wanted: Member): Promise<void> {
    for (let tries = 0; tries < 12; tries += 1) {
      const leader = await this.leader();
      if (leader === wanted) {
        return;
      }
      await leader.restart();
    }
    throw new Error(`${wanted.name} does not come to lead`);
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

async function startMember(
  kind: InstallationKind,
  engine: Engine,
  settings: Readonly<Record<string, string>>,
): Promise<Member> {
  const daemon =
    kind === 'plain process'
      ? await startCoffer({ engine, env: settings })
      : await installPlugin(engine, {
          settings: ['COFFER_LOG_LEVEL=debug', ...Object.entries(settings).map((pair) => pair.join('='))],
        });
  const member = new Member(engine, daemon);
  try {
    await member.serving();
  } catch (error) {
    throw new Error(`coffer on ${member.name} does not serve:\n${daemon.log().slice(-4_000)}`, {
      cause: error,
    });
  }
  return member;
}
