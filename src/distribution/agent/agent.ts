// SPDX-License-Identifier: Apache-2.0
// The node's side: it is given secrets by the leader, and hands them to containers as files (docs/distribution.md).
import { CofferError, type Logger, sameTexts, wipeStack } from '../../common/index.ts';
import type { ContainerSource, EngineContainer } from '../../engine/index.ts';
import type { Clock } from '../../transport/index.ts';
import type { Change, NodeFacts } from '../protocol.ts';
import type { VolumeDescription, VolumeService } from '../volume-service.ts';
import { parseVolume } from '../volume-spec.ts';
import { Changes } from './changes.ts';
import type { Connector } from './connector.ts';
import { ContainerMemory } from './container-memory.ts';
import { ContainerView } from './container-view.ts';
import { CutOff } from './cut-off.ts';
import { isAlive, serviceOf, taskIdOf } from './entitlement.ts';
import { Holdings } from './holdings.ts';
import type { VolumePlaces } from './memory-mounts.ts';
import { Mounting } from './mounting.ts';
import { factsOf } from './node-facts.ts';
import { signalReload } from './reload.ts';
import { SessionKeeper } from './session-keeper.ts';
import { isVolumeName } from './volume-name.ts';
import { VolumeRegistry } from './volume-registry.ts';
import { Volumes } from './volumes.ts';

export interface AgentVolume {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  readonly isMounted: boolean;
}

export interface AgentOptions {
  readonly connector: Connector;
  readonly containers: ContainerSource;
  readonly places: VolumePlaces;
  /** Where `volumes.json` and `containers.json` are. */
  readonly stateDirectory: string;
  /** This node's name, as commands take it. */
  readonly nodeName: string;
  /** How long secrets are kept while no manager is heard of. Undefined: for ever. */
  readonly cutOffAfter_ms: number | undefined;
  readonly clock: Clock;
  /** The wall clock, for what is shown. */
  readonly now_ms: () => number;
  /** From 0 to below 1; for jitter. */
  readonly random: () => number;
  readonly logger: Logger;
}

export interface AgentDescription {
  /** The manager that this node has a session with. */
  readonly manager: string | undefined;
  /** RFC 3339: since when. */
  readonly since: string | undefined;
  /** Why there is no session, or why the engine does not tell of containers. */
  readonly problem: string | undefined;
  readonly volumeCount: number;
  readonly mountedCount: number;
  /** In memory. */
  readonly secretCount: number;
  /** All secrets were wiped, since no manager was heard of for too long. */
  readonly isCutOff: boolean;
}

export class Agent implements VolumeService {
  readonly #options: AgentOptions;
  readonly #holdings = new Holdings();
  readonly #registry: VolumeRegistry;
  readonly #memory: ContainerMemory;
  readonly #changes: Changes;
  readonly #view: ContainerView;
  readonly #volumes: Volumes;
  readonly #mounting: Mounting;
  readonly #sessions: SessionKeeper;
  readonly #cutOff: CutOff;
  #isConnecting = false;

  private constructor(
    options: AgentOptions,
    registry: VolumeRegistry,
    memory: ContainerMemory,
    remembered: readonly EngineContainer[],
  ) {
    const { clock, logger } = options;
    this.#options = options;
    this.#registry = registry;
    this.#memory = memory;
    this.#changes = new Changes(clock);
    this.#view = new ContainerView({
      source: options.containers,
      volumes: () => registry.list().map(({ name }) => name),
      remembered,
      onListed: () => this.#onListed(),
      clock,
      logger,
    });
    this.#volumes = new Volumes({
      registry,
      places: options.places,
      holdings: this.#holdings,
      view: this.#view,
      nodeName: options.nodeName,
      clock,
      logger,
    });
    this.#sessions = new SessionKeeper({
      connector: options.connector,
      facts: () => this.#facts(),
      onRegistered: () => this.#cutOff.end(),
      onAssignment: (changes, complete) => this.#onAssignment(changes, complete),
      onLost: () => this.#cutOff.begin(),
      onRemoved: (reason) => this.withdraw(reason),
      clock,
      random: options.random,
      logger,
    });
    this.#mounting = new Mounting({
      registry,
      view: this.#view,
      volumes: this.#volumes,
      changes: this.#changes,
      onWanted: () => this.#sessions.report(),
      sessionProblem: () => this.#sessions.status.problem,
      clock,
    });
    this.#cutOff = new CutOff(options.cutOffAfter_ms, clock, () => this.#onCutOff());
  }

  /** Takes up what is mounted, and goes on by itself from there. Rejects with `volume.unavailable`. */
  static async start(options: AgentOptions): Promise<Agent> {
    const registry = await VolumeRegistry.open(options.stateDirectory, options.logger);
    const memory = new ContainerMemory(options.stateDirectory, options.logger);
    const agent = new Agent(options, registry, memory, await memory.recall());
    await agent.#volumes.adopt();
    agent.#cutOff.begin();
    agent.#view.start();
    agent.#connectOnce();
    return agent;
  }

  /**
   * Wipes what is in memory, and the files of volumes that no container uses. Those of containers that run stay, in memory that goes
   * with the last of them, or with the machine: an engine that is stopped has ended its containers before, and a plugin that is
   * replaced must not take the secrets of those that go on.
   */
  async stop(): Promise<void> {
    this.#view.stop();
    this.#mounting.stop();
    this.#cutOff.stop();
    this.#sessions.stop();
    await this.#volumes.stop();
    this.#holdings.clear();
    await this.#memory.settled();
  }

  /** This node is in its cluster no longer: all that it was given is wiped. It may be let in again, as another node. */
  withdraw(reason: CofferError): void {
    this.#options.logger.warn('all secrets of this node are wiped', { reason: reason.message });
    this.#wipe();
  }

  describe(): AgentDescription {
    const { manager, since_ms, problem } = this.#sessions.status;
    const { clock, now_ms } = this.#options;
    return {
      manager,
      since:
        since_ms === undefined ? undefined : new Date(now_ms() - (clock.now_ms() - since_ms)).toISOString(),
      problem: (problem ?? this.#view.problem)?.message,
      volumeCount: this.#registry.list().length,
      mountedCount: this.#volumes.mountedCount,
      secretCount: this.#holdings.secretCount,
      isCutOff: this.#cutOff.isCutOff,
    };
  }

  async create(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    if (!isVolumeName(name)) {
      throw new CofferError('volume.options-invalid', 'this is not a name that a volume can have', {
        hint: 'Use letters, digits, underscores, dots and hyphens, at most 255.',
      });
    }
    parseVolume(name, options);
    await this.#volumes.inTurn(name, async () => {
      const there = this.#registry.get(name);
      if (there === undefined) {
        const createdAt = new Date(this.#options.now_ms()).toISOString();
        await this.#registry.put({ name, options: { ...options }, createdAt });
      } else if (!sameTexts(there.options, options)) {
        throw new CofferError('volume.options-invalid', `the volume ${name} is there with other options`, {
          hint: `Remove it first: docker volume rm ${name}`,
        });
      }
    });
  }

  remove(name: string): Promise<void> {
    return this.#volumes.inTurn(name, async () => {
      if (this.#volumes.isMounted(name)) {
        throw new CofferError('volume.in-use', `a container still mounts the volume ${name}`, {
          hint: 'Stop the container first.',
        });
      }
      await this.#registry.remove(name);
    });
  }

  mount(name: string, mountId: string): Promise<string> {
    return this.#mounting.mount(name, mountId);
  }

  async unmount(name: string, mountId: string): Promise<void> {
    await this.#volumes.inTurn(name, () => this.#volumes.unmount(name, mountId));
    this.#changes.notify();
    this.#sessions.report();
  }

  get(name: string): VolumeDescription | undefined {
    const volume = this.#registry.get(name);
    return volume && { name, mountpoint: this.#volumes.mountpoint(name), createdAt: volume.createdAt };
  }

  usersOf(name: string): readonly string[] {
    return this.#view.of(name).flatMap(usersIn);
  }

  list(): readonly VolumeDescription[] {
    return this.#registry
      .list()
      .map(({ name, createdAt }) => ({ name, mountpoint: this.#volumes.mountpoint(name), createdAt }));
  }

  /** All volumes with their options, and whether a container has them. */
  registered(): readonly AgentVolume[] {
    return this.#registry.list().map(({ name, options }) => ({
      name,
      options,
      isMounted: this.#volumes.mountpoint(name) !== undefined,
    }));
  }

  /** Those that run, or are about to start. */
  #facts(): NodeFacts {
    const { starting } = this.#volumes;
    return factsOf(
      this.#view.containers.filter(
        (container) =>
          isAlive(container) ||
          container.state === 'created' ||
          (container.state === 'exited' &&
            taskIdOf(container) === '' &&
            (starting.has(container.id) || container.volumes.some((name) => this.#mounting.isWanted(name)))),
      ),
    );
  }

  /** A leader that was told of no containers would take away what they have: so the engine is heard first. */
  #connectOnce(): void {
    if (!this.#isConnecting && (this.#view.isKnown || this.#view.isRemembered)) {
      this.#isConnecting = true;
      this.#sessions.start();
    }
  }

  #onListed(): void {
    this.#memory.remember(this.#view.containers);
    this.#volumes.review();
    const changed = this.#volumes.judge();
    this.#connectOnce();
    this.#sessions.report();
    this.#changes.notify();
    signalReload(changed, this.#options.containers, this.#options.logger);
  }

  #onAssignment(changes: readonly Change[], complete: boolean): () => void {
    this.#holdings.apply(changes, complete);
    setImmediate(wipeStack);
    const changed = this.#volumes.judge();
    this.#changes.notify();
    return () => signalReload(changed, this.#options.containers, this.#options.logger);
  }

  #onCutOff(): void {
    this.#options.logger.error('no manager was heard of for too long: all secrets of this node are wiped', {
      after_ms: this.#options.cutOffAfter_ms,
    });
    this.#wipe();
  }

  #wipe(): void {
    this.#holdings.clear();
    this.#volumes.wipeAll();
    this.#changes.notify();
  }
}

function usersIn(container: EngineContainer): readonly string[] {
  const service = serviceOf(container);
  return service === undefined ? [container.name] : [container.name, service];
}
