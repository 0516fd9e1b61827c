// SPDX-License-Identifier: Apache-2.0
// Managers and workers as real processes with their own agents, each on a host of its own with mounts of its own, beside an engine
// that a test plays: containers come and go there as the test says, and their files are read as they would read them.
import { readFileSync, readdirSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { temporaryDirectory, type TemporaryDirectory } from './cleanup.ts';
import { joinTokenFrom } from './cluster-calls.ts';
import { ManagerCluster } from './manager-cluster.ts';
import type { ManagerProcess } from './manager-process.ts';
import { Network, type NetworkHost } from './network.ts';
import { MovingTime } from './other-time.ts';
import {
  type PlayedContainer,
  type PlayedHost,
  type PlayedService,
  PlayedSwarm,
  type PlayedTask,
} from './played-swarm.ts';
import { requestOverSocket } from './socket-request.ts';
import { waitFor } from './wait-for.ts';

/** An engine waits this long for a driver. */
const DRIVER_MS_MAX = 35_000;
const START_MS_MAX = 30_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** One node: its daemon, its host, its engine, and its clock. */
export interface TestNode {
  readonly daemon: ManagerProcess;
  readonly host: NetworkHost;
  readonly played: PlayedHost;
  readonly time: MovingTime;
  /** Where its volumes are mounted, within the host. */
  readonly volumes: string;
}

/** A container that has started: what it mounts, and what it finds there. */
export class StartedContainer {
  readonly node: TestNode;
  readonly volume: string;
  readonly task: PlayedTask | undefined;
  readonly #container: PlayedContainer;
  readonly #mountId: string;
  readonly #mountpoint: string;

  constructor(
    node: TestNode,
    volume: string,
    container: PlayedContainer,
    mount: { readonly id: string; readonly at: string },
    task?: PlayedTask,
  ) {
    this.node = node;
    this.volume = volume;
    this.task = task;
    this.#container = container;
    this.#mountId = mount.id;
    this.#mountpoint = mount.at;
  }

  /** What the container sees, through the root of a process of its host. */
  get #place(): string {
    return path.join(`/proc/${this.node.host.box.init}/root`, this.#mountpoint);
  }

  /** Undefined if there is no such file. */
  read(file = this.volume): string | undefined {
    try {
      return readFileSync(path.join(this.#place, file), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return undefined;
      }
      throw error;
    }
  }

  files(): readonly string[] {
    return readdirSync(this.#place);
  }

  /** Resolves when the file has this content; `undefined`: when it is gone. */
  async reads(value: string | undefined, timeout_ms = 20_000): Promise<void> {
    await waitFor(() => this.read() === value, {
      what: `${this.volume} on ${this.node.host.name} to be ${value === undefined ? 'gone' : JSON.stringify(value)}`,
      timeout_ms,
      interval_ms: 20,
    });
  }

  /** Ends, as a container does, and is removed. */
  async stop(): Promise<void> {
    const { daemon, played } = this.node;
    played.put({ ...this.#container, state: 'exited' }, 'die');
    await driverCall(daemon, 'Unmount', { Name: this.volume, ID: this.#mountId });
    played.remove(this.#container);
  }
}

export class DistributionCluster {
  readonly network: Network;
  readonly swarm: PlayedSwarm;
  readonly cluster: ManagerCluster;
  readonly #directory: TemporaryDirectory;
  readonly #nodes = new Map<ManagerProcess, TestNode>();
  #containers = 0;

  private constructor(network: Network, cluster: ManagerCluster, swarm: PlayedSwarm) {
    this.network = network;
    this.cluster = cluster;
    this.swarm = swarm;
    this.#directory = temporaryDirectory();
  }

  static async start(options: {
    readonly managers: number;
    readonly workers: number;
    /** Settings of all nodes. */
    readonly env?: Readonly<Record<string, string>>;
  }): Promise<DistributionCluster> {
    const network = await Network.create();
    const all = new DistributionCluster(
      network,
      await ManagerCluster.start({ size: 0, network }),
      new PlayedSwarm(),
    );
    try {
      for (let number = 0; number < options.managers; number += 1) {
        await all.#add('manager', options.env);
      }
      await all.cluster.whole(all.managers.map(({ daemon }) => daemon));
      for (let number = 0; number < options.workers; number += 1) {
        await all.#add('worker', options.env);
      }
      return all;
    } catch (error) {
      await all.destroy();
      throw error;
    }
  }

  async destroy(): Promise<void> {
    await this.cluster.destroy();
    await this.network.destroy();
    await this.swarm.remove();
    this.#directory.remove();
  }

  get nodes(): readonly TestNode[] {
    return [...this.#nodes.values()];
  }

  get managers(): readonly TestNode[] {
    return this.nodes.filter(({ played }) => played.isManager);
  }

  get workers(): readonly TestNode[] {
    return this.nodes.filter(({ played }) => !played.isManager);
  }

  nodeOf(daemon: ManagerProcess): TestNode {
    const node = this.#nodes.get(daemon);
    if (node === undefined) {
      throw new Error(`${daemon.name} is none of them`);
    }
    return node;
  }

  async leader(): Promise<TestNode> {
    const running = this.managers.map(({ daemon }) => daemon).filter((daemon) => daemon.running);
    return this.nodeOf(await this.cluster.leader(running));
  }

  /** Writes at whichever manager takes it, also while the leader changes. */
  async put(name: string, value: string): Promise<void> {
    await waitFor(
      async () => {
        await (await this.leader()).daemon.put(name, value);
        return true;
      },
      { what: `${name} to be stored`, timeout_ms: 40_000 },
    );
  }

  /** A task of the service on the node, whose container starts. */
  async startTask(service: PlayedService, node: TestNode): Promise<StartedContainer> {
    const task = this.swarm.assign(service, node.played, { state: 'starting' });
    const volume = service.mounts[0]?.source ?? '';
    const started = await this.start(node, volume, task);
    this.swarm.change(task, { state: 'running' });
    return started;
  }

  /** A container that mounts the volume, as an engine starts it. Rejects with the driver's refusal. */
  async start(node: TestNode, volume: string, task?: PlayedTask): Promise<StartedContainer> {
    const { daemon, played } = node;
    this.#containers += 1;
    const created = played.create(
      `c${this.#containers}`,
      [volume],
      task === undefined ? {} : { taskId: task.id },
    );
    try {
      await driverCall(daemon, 'Create', { Name: volume, Opts: {} });
      const id = randomBytes(32).toString('hex');
      const { Mountpoint: at } = await driverCall(daemon, 'Mount', { Name: volume, ID: id });
      const container = played.put({ ...created, state: 'running' });
      return new StartedContainer(node, volume, container, { id, at: at ?? '' }, task);
    } catch (error) {
      played.remove(created);
      throw error;
    }
  }

  /** Starts the daemon of a node again, with its clock. */
  async restart({ daemon, time }: TestNode): Promise<void> {
    await daemon.start(time.settings);
  }

  /** Moves the clock of a node by so many days from now; resolves when its daemon sees that. */
  async moveClock({ daemon, time }: TestNode, days: number): Promise<void> {
    time.moveTo(days);
    const shift_ms = days * DAY_MS;
    await waitFor(
      async () => {
        // What it refuses it writes down, with the time.
        await driverCall(daemon, 'Path', { Name: 'nothing' }).catch(() => undefined);
        const said = [...daemon.log().matchAll(/"time":"(?<time>[^"]+)"/g)].at(-1)?.groups?.['time'] ?? '';
        return Math.abs(Date.parse(said) - Date.now() - shift_ms) < DAY_MS / 2;
      },
      { what: `the clock of ${daemon.name} to move`, interval_ms: 200 },
    );
  }

  /** What a node has mounted below its directory of volumes, as its kernel has it. */
  mounts({ daemon, volumes }: TestNode): readonly string[] {
    return readFileSync(`/proc/${daemon.pid}/mountinfo`, 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((place) => place.startsWith(`${volumes}/`));
  }

  async #add(role: 'manager' | 'worker', env: Readonly<Record<string, string>> = {}): Promise<void> {
    const number = this.#nodes.size + 1;
    const played = await this.swarm.host(`host-${number}`, role === 'manager');
    const time = new MovingTime(path.join(this.#directory.path, `time-${number}`));
    const volumes = path.join(this.#directory.path, `volumes-${number}`);
    const settings = {
      COFFER_ENGINE_SOCKET: played.engine.socketPath,
      COFFER_DRIVER: 'coffer',
      COFFER_VOLUMES: volumes,
      ...time.settings,
      ...env,
    };
    const [through] = this.managers;
    const joining =
      through === undefined
        ? {}
        : { through: through.daemon, token: await joinTokenFrom(through.daemon, { role }) };
    const daemon = await this.cluster.begin({ env: settings, ...joining });
    const host = this.network.hosts[number - 1];
    if (host === undefined) {
      throw new Error('each daemon has a host of its own');
    }
    this.#nodes.set(daemon, { daemon, host, played, time, volumes });
    await waitFor(
      async () => {
        const { cluster, state } = await daemon.status();
        return role === 'manager' ? state === 'serving' : cluster?.role === 'worker';
      },
      { what: `${daemon.name} to be a ${role}`, timeout_ms: START_MS_MAX },
    );
  }
}

/** A call of Docker's volume plugin protocol; rejects with the refusal. */
async function driverCall(
  daemon: ManagerProcess,
  call: string,
  body: Readonly<Record<string, unknown>>,
): Promise<{ readonly Mountpoint?: string }> {
  const reply = await requestOverSocket(daemon.pluginSocket, {
    method: 'POST',
    path: `/VolumeDriver.${call}`,
    body: JSON.stringify(body),
    timeout_ms: DRIVER_MS_MAX,
  });
  const { Err = '', ...answer } = reply.json() as { readonly Err?: string; readonly Mountpoint?: string };
  if (Err !== '') {
    throw new Error(`VolumeDriver.${call}: ${Err}`);
  }
  return answer;
}
