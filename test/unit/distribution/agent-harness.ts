// SPDX-License-Identifier: Apache-2.0
// A node's side among an engine, a leader and a file system that a test owns.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { CofferError, LogFields, Logger } from '../../../src/common/index.ts';
import { Agent, type AgentOptions } from '../../../src/distribution/agent/agent.ts';
import type { Connector } from '../../../src/distribution/agent/connector.ts';
import { holderKeyOf } from '../../../src/distribution/agent/entitlement.ts';
import type { VolumePlace, VolumePlaces } from '../../../src/distribution/agent/memory-mounts.ts';
import type { ContainerNews, ContainerSource, EngineContainer } from '../../../src/engine/index.ts';
import type { Clock } from '../../../src/transport/index.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/cleanup.ts';
import { present } from '../../support/present.ts';
import { StillClock } from '../../support/still-clock.ts';
import { waitFor } from '../../support/wait-for.ts';
import { container } from './agent-objects.ts';
import { FakeLeader } from './fake-leader.ts';

export const DAY_MS = 24 * 60 * 60 * 1_000;

/** Directories in the place of file systems in memory. */
export class DirectoryPlaces implements VolumePlaces {
  readonly directory: string;
  problem: CofferError | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  place(name: string): VolumePlace {
    const memory = path.join(this.directory, name, 'memory');
    const files = path.join(memory, 'files');
    return { memory, files, view: files };
  }

  async make(name: string): Promise<VolumePlace> {
    await turn();
    if (this.problem !== undefined) {
      throw this.problem;
    }
    mkdirSync(this.place(name).files, { recursive: true });
    return this.place(name);
  }

  async undo(name: string): Promise<void> {
    await turn();
    rmSync(path.join(this.directory, name), { recursive: true, force: true });
  }

  async found(): Promise<ReadonlyMap<string, VolumePlace>> {
    const names = existsSync(this.directory) ? readdirSync(this.directory) : [];
    return new Map(names.map((name) => [name, this.place(name)]));
  }
}

export class FakeContainers implements ContainerSource {
  readonly all = new Map<string, EngineContainer>();
  readonly signals: string[] = [];
  problem: CofferError | undefined;
  listings = 0;
  #listener: ((news: ContainerNews) => void) | undefined;

  async list(volumes: readonly string[]): Promise<readonly EngineContainer[]> {
    this.listings += 1;
    await turn();
    if (this.problem !== undefined) {
      throw this.problem;
    }
    return [...this.all.values()].filter((one) => one.volumes.some((name) => volumes.includes(name)));
  }

  watch(listener: (news: ContainerNews) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = undefined);
  }

  async signal(containerId: string, signal: string): Promise<void> {
    const name = [...this.all.values()].find(({ id }) => id === containerId)?.name;
    this.signals.push(`${name} ${signal}`);
  }

  get isWatched(): boolean {
    return this.#listener !== undefined;
  }

  tell(news: ContainerNews = 'change'): void {
    this.#listener?.(news);
  }

  /** Adds or changes it, and tells of that. */
  put(container: EngineContainer): void {
    this.all.set(container.name, container);
    this.tell();
  }

  remove(name: string): void {
    this.all.delete(name);
    this.tell();
  }

  state(name: string, state: EngineContainer['state']): void {
    this.put({ ...present(this.all.get(name), `there is a container ${name}`), state });
  }
}

/** What a process has of the world, until it is killed: then nothing comes back to it. */
class ProcessWorld {
  #isDead = false;

  kill(): void {
    this.#isDead = true;
  }

  clock(clock: StillClock): Clock {
    return {
      now_ms: () => clock.now_ms(),
      setTimer: (delay_ms, callback) =>
        clock.setTimer(delay_ms, () => {
          if (!this.#isDead) {
            callback();
          }
        }),
    };
  }

  places(places: VolumePlaces): VolumePlaces {
    return {
      make: (name, size_bytes) => this.#unlessDead(places.make(name, size_bytes)),
      undo: (name) => this.#unlessDead(places.undo(name)),
      found: () => this.#unlessDead(places.found()),
    };
  }

  connector(leader: FakeLeader): Connector {
    return { manager: leader.manager, open: (events) => this.#unlessDead(leader.open(events)) };
  }

  async #unlessDead<T>(work: Promise<T>): Promise<T> {
    const result = await work;
    if (this.#isDead) {
      await new Promise(() => undefined);
    }
    return result;
  }
}

export class Harness {
  readonly directory: TemporaryDirectory = temporaryDirectory();
  readonly clock = new StillClock();
  readonly leader = new FakeLeader();
  readonly engine = new FakeContainers();
  readonly places = new DirectoryPlaces(path.join(this.directory.path, 'mounts'));
  readonly log: string[] = [];
  readonly #stateDirectory = path.join(this.directory.path, 'state');
  #agent: Agent | undefined;
  #world = new ProcessWorld();

  constructor() {
    mkdirSync(this.#stateDirectory);
  }

  get stateDirectory(): string {
    return this.#stateDirectory;
  }

  get agent(): Agent {
    return present(this.#agent, 'the agent has started');
  }

  /** As kill -9 does: nothing is closed, and what was under way stops where it is. */
  kill(): void {
    this.#world.kill();
    this.leader.forget();
  }

  /** Starts an agent, as a new process would. */
  async start(options: Partial<AgentOptions> = {}): Promise<Agent> {
    this.#world = new ProcessWorld();
    const say = (sentence: string, fields: LogFields = {}): void =>
      void this.log.push(`${sentence} ${JSON.stringify(fields)}`);
    const logger: Logger = { debug: say, info: say, warn: say, error: say };
    this.#agent = await Agent.start({
      connector: this.#world.connector(this.leader),
      containers: this.engine,
      places: this.#world.places(this.places),
      stateDirectory: this.#stateDirectory,
      nodeName: 'host-1',
      cutOffAfter_ms: DAY_MS,
      clock: this.#world.clock(this.clock),
      now_ms: () => Date.UTC(2026, 0, 1) + this.clock.now_ms(),
      random: () => 0.5,
      logger,
      ...options,
    });
    return this.#agent;
  }

  /** A volume `app` of one secret, `db`, and a container `web` that may have it. */
  async prepared(options: Readonly<Record<string, string>> = { secret: 'db' }): Promise<void> {
    this.leader.put('db', 1, 'first');
    this.leader.put('api', 1, 'key');
    this.grant(container('web'), ['db', 'api']);
    await this.connected();
    await this.agent.create('app', options);
  }

  /** As `docker run` does it, with the volume `app`. */
  async run(name: string, mountId: string): Promise<string> {
    this.engine.put(this.engine.all.get(name) ?? container(name));
    const mountpoint = await this.agent.mount('app', mountId);
    this.engine.state(name, 'running');
    await this.settled();
    return mountpoint;
  }

  /** Starts one that has a session. */
  async connected(options: Partial<AgentOptions> = {}): Promise<Agent> {
    const agent = await this.start(options);
    await this.settled();
    return agent;
  }

  /** Waits until the leader knows what runs, and the node has carried out what it was sent. */
  async settled(): Promise<void> {
    this.engine.tell();
    await this.quiet();
    await this.until(() => this.leader.isSettled, 'the node to be in step with the leader');
  }

  /** Lets all that is under way come to its end: listings and messages take a turn each. */
  async quiet(): Promise<void> {
    for (let count = 0; count < 20; count += 1) {
      await turn();
    }
  }

  until(condition: () => boolean, what: string): Promise<true> {
    return waitFor(condition, { what, interval_ms: 1, timeout_ms: 5_000 });
  }

  grant(container: EngineContainer, secrets: readonly string[]): void {
    this.leader.grant(holderKeyOf(container), secrets);
  }

  /** The files that containers see in a volume, with what is in them; undefined while it is not mounted. */
  files(volume: string): Readonly<Record<string, string>> | undefined {
    const { files } = this.places.place(volume);
    if (!existsSync(files)) {
      return undefined;
    }
    return Object.fromEntries(
      readdirSync(files).map((name) => [name, readFileSync(path.join(files, name), 'utf8')]),
    );
  }

  async destroy(): Promise<void> {
    await this.#agent?.stop();
    this.directory.remove();
  }
}
