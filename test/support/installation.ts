// SPDX-License-Identifier: Apache-2.0
// coffer on an engine, in either of the two ways it is run, so that a test can be told once for both.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DaemonStatus } from '../../src/control/index.ts';
import { temporaryDirectory, type TemporaryDirectory } from './cleanup.ts';
import { type Coffer, startCoffer, cofferCli, tryCofferCli } from './coffer.ts';
import { type CommandOptions, type CommandResult } from './command.ts';
import { type DockerOptions, type Engine, startEngine } from './engine.ts';
import { installPlugin, type ManagedPlugin } from './managed-plugin.ts';
import { callControl } from './secret-calls.ts';
import { waitFor } from './wait-for.ts';

export type InstallationKind = 'plain process' | 'managed plugin';

/** What both ways have in common. */
interface Daemon {
  readonly gatewaySocket: string;
  readonly controlSocket: string;
  readonly stateDirectory: string;
  readonly volumesDirectory: string;
  log(): string;
}

/** The settings that a test wants other than the default. */
type DaemonSettings = Readonly<Record<string, string>>;

interface Way {
  readonly daemon: Daemon;
  /** The daemon's process, as the host numbers it. */
  pid(): number;
  /** Kills the daemon (SIGKILL) and has another take its place. */
  crash(): Promise<void>;
  /** Resolves when all sockets accept connections, after the engine was started again. */
  serving(): Promise<void>;
  /** Starts the daemon again with other settings, on the same state. */
  restartWith(settings: DaemonSettings): Promise<Way>;
}

/** An engine, in no swarm at first, with coffer. */
export class Installation {
  readonly kind: InstallationKind;
  readonly engine: Engine;
  readonly #directory: TemporaryDirectory;
  #way: Way;

  private constructor(kind: InstallationKind, engine: Engine, directory: TemporaryDirectory, way: Way) {
    this.kind = kind;
    this.engine = engine;
    this.#directory = directory;
    this.#way = way;
  }

  /** Starts an engine with the test image and coffer. The test ends all of it with `stop()`. */
  static async start(kind: InstallationKind): Promise<Installation> {
    const directory = temporaryDirectory();
    const configuration = path.join(directory.path, 'daemon.json');
    writeFileSync(configuration, '{}');
    const engine = await startEngine({
      name: kind.replace(' ', '-'),
      dockerdArguments: [`--config-file=${configuration}`],
    });
    try {
      await engine.importBusybox();
      const way = kind === 'plain process' ? await asProcess(engine, {}) : await asPlugin(engine);
      const installation = new Installation(kind, engine, directory, way);
      await installation.#storeServes();
      return installation;
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  get gatewaySocket(): string {
    return this.#way.daemon.gatewaySocket;
  }

  get controlSocket(): string {
    return this.#way.daemon.controlSocket;
  }

  get stateDirectory(): string {
    return this.#way.daemon.stateDirectory;
  }

  /** Where volumes of secrets are mounted, as the test reaches it. */
  get volumesDirectory(): string {
    return this.engine.box.reach(this.#way.daemon.volumesDirectory);
  }

  /** The node's name in coffer's cluster. */
  get node(): string {
    return this.engine.box.name;
  }

  /** The daemon's process, as the host numbers it. */
  get pid(): number {
    return this.#way.pid();
  }

  /** All that the daemon wrote, at debug level. */
  log(): string {
    return this.#way.daemon.log();
  }

  /** Runs `docker` with `args` through the gateway; rejects unless it exits with code 0. */
  async docker(args: readonly string[], options: DockerOptions = {}): Promise<CommandResult> {
    return this.engine.docker(args, { socket: this.gatewaySocket, ...options });
  }

  /** Runs `docker` with `args` through the gateway; resolves whatever its exit code is. */
  async tryDocker(args: readonly string[], options: DockerOptions = {}): Promise<CommandResult> {
    return this.engine.tryDocker(args, { socket: this.gatewaySocket, ...options });
  }

  /** Runs `coffer` with `args`; rejects unless it exits with code 0. */
  async cli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return cofferCli(this.controlSocket, args, options);
  }

  /** Runs `coffer` with `args`; resolves whatever its exit code is. */
  async tryCli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return tryCofferCli(this.controlSocket, args, options);
  }

  /** The names of the secrets in coffer's store. */
  async storedNames(): Promise<readonly string[]> {
    return linesOf((await this.cli(['ls', '--quiet'])).stdout);
  }

  /** Ends the engine as a service manager does and starts it; the plain process runs on meanwhile. */
  async restartEngine(): Promise<void> {
    await this.engine.restart();
    await this.#way.serving();
    await this.#storeServes();
  }

  /** Kills the engine (SIGKILL) and starts it; the daemon goes on, or is replaced by the engine's start. */
  async crashEngine(): Promise<void> {
    await this.engine.kill();
    await this.engine.start();
    await this.#way.serving();
    await this.#storeServes();
  }

  /** Kills the daemon (SIGKILL) and waits until another one serves. */
  async crash(): Promise<void> {
    await this.#way.crash();
    await this.#storeServes();
  }

  /** Starts coffer again with settings beside its defaults; `{}` for the defaults alone. */
  async restartWith(settings: DaemonSettings): Promise<void> {
    this.#way = await this.#way.restartWith(settings);
    await this.#storeServes();
  }

  /**
   * Gives the engine other labels, as an administrator does in daemon.json. A swarm's manager asks for the
   * secrets of every running task again when a node changes its description; that takes up to 20 s.
   */
  relabelEngine(labels: readonly string[]): void {
    writeFileSync(path.join(this.#directory.path, 'daemon.json'), JSON.stringify({ labels }));
    process.kill(this.engine.pid(), 'SIGHUP');
  }

  /** Removes every service and every secret, in the engine and in coffer's store. */
  async clear(): Promise<void> {
    const { engine } = this;
    await removeListed(engine, 'service');
    await removeListed(engine, 'secret', this.gatewaySocket);
    const left = await this.storedNames();
    if (left.length > 0) {
      await this.cli(['rm', '--force', ...left]);
    }
  }

  async stop(): Promise<void> {
    await this.engine.stop();
    this.#directory.remove();
  }

  /** The daemon listens before its store is open. */
  async #storeServes(): Promise<void> {
    await waitFor(
      async () => {
        const reply = await callControl(this.#way.daemon, 'GET', '/v1/status');
        return (reply.json() as DaemonStatus).state === 'serving';
      },
      { what: "coffer's store to serve" },
    );
  }
}

async function asProcess(engine: Engine, settings: DaemonSettings): Promise<Way> {
  const coffer: Coffer = await startCoffer({ engine, env: settings });
  return {
    daemon: coffer,
    pid: () => coffer.pid,
    async crash() {
      await coffer.kill9();
      await coffer.start();
    },
    serving: async () => undefined,
    restartWith: async (other) => {
      await coffer.stop();
      return asProcess(engine, other);
    },
  };
}

async function asPlugin(engine: Engine): Promise<Way> {
  const plugin: ManagedPlugin = await installPlugin(engine, { settings: ['COFFER_LOG_LEVEL=debug'] });
  return {
    daemon: plugin,
    pid: () => plugin.pid() ?? fail(`the plugin ${plugin.name} does not run`),
    crash: async () => plugin.kill9(),
    serving: async () => plugin.serving(),
    async restartWith(other) {
      await plugin.disable();
      const settings = { COFFER_STACK_ROTATION: 'on', ...other };
      await engine.docker([
        'plugin',
        'set',
        plugin.name,
        ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      ]);
      await plugin.enable();
      return this;
    },
  };
}

async function removeListed(engine: Engine, what: string, socket = engine.socket): Promise<void> {
  const ids = linesOf((await engine.docker([what, 'ls', '--quiet'], { socket })).stdout);
  if (ids.length > 0) {
    await engine.docker([what, 'rm', ...ids], { socket });
  }
}

function fail(sentence: string): never {
  throw new Error(sentence);
}

/** The lines of a command's output, without the empty one at the end. */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
