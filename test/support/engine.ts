// SPDX-License-Identifier: Apache-2.0
// A private Docker Engine for a test: a real dockerd on a host box of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { busyboxArchive, TEST_IMAGE } from './busybox.ts';
import { CommandError, type CommandOptions, type CommandResult, tryCommand } from './command.ts';
import { defaultDockerCli, type DockerCli } from './docker-cli.ts';
import { engineRoot } from './engine-choice.ts';
import { childrenOf, HostBox } from './host-box.ts';
import type { Network, NetworkHost } from './network.ts';
import { requestOverSocket } from './socket-request.ts';
import { waitFor } from './wait-for.ts';

/** An engine that finds no leader of its swarm waits 20 s for one before its API answers. */
const start_ms_max = 60_000;
const stop_ms_max = 30_000;
/** How much of the engine's log an error quotes. */
const quotedLog_characters = 2_000;

export interface EngineOptions {
  /** The engine's hostname, and so its node's name in a swarm. Default `engine`. */
  readonly name?: string;
  /** Further arguments of dockerd. */
  readonly dockerdArguments?: readonly string[];
  /** The network that the engine's host is put on. By default it has none but its loopback interface. */
  readonly network?: Network;
  /** Done on the engine's host before each start of the engine. */
  readonly prepare?: (box: HostBox) => Promise<void>;
}

export interface DockerOptions extends CommandOptions {
  /** Which of this machine's `docker` programs; the first by default. */
  readonly cli?: DockerCli;
  /** The Unix socket to speak to; the engine's own by default. */
  readonly socket?: string;
}

/** The ids of the managed plugins of the engine whose directory this is. */
function pluginIds(directory: string): readonly string[] {
  const plugins = path.join(directory, 'data', 'plugins');
  return existsSync(plugins) ? readdirSync(plugins).filter((name) => /^[0-9a-f]{64}$/.test(name)) : [];
}

export class Engine {
  readonly box: HostBox;
  /** The engine's host on a network, where it was started on one. */
  readonly host: NetworkHost | undefined;
  readonly socket: string;
  readonly dataDirectory: string;
  /** What the engine and its plugins write, at debug level. */
  readonly logFile: string;
  readonly #options: EngineOptions;
  #starter: ChildProcess | undefined;

  private constructor(box: HostBox, host: NetworkHost | undefined, options: EngineOptions) {
    this.box = box;
    this.host = host;
    this.socket = path.join(box.directory, 'docker.sock');
    this.dataDirectory = path.join(box.directory, 'data');
    this.logFile = path.join(box.directory, 'dockerd.log');
    this.#options = options;
  }

  /** Starts an engine and waits until its API answers. */
  static async start(options: EngineOptions = {}): Promise<Engine> {
    const box = await HostBox.create({ name: options.name ?? 'engine', root: engineRoot(), pluginIds });
    try {
      const engine = new Engine(box, await options.network?.attach(box), options);
      mkdirSync(engine.#dockerConfig);
      await engine.start();
      return engine;
    } catch (error) {
      await box.destroy();
      throw error;
    }
  }

  get directory(): string {
    return this.box.directory;
  }

  /** All that the engine wrote to its log so far, at debug level. */
  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** The engine's process, as the host numbers it. */
  pid(): number {
    const pid = this.#starter?.pid === undefined ? undefined : childrenOf(this.#starter.pid)[0];
    if (pid === undefined) {
      throw new Error('the engine does not run');
    }
    return pid;
  }

  /** Runs `docker` with `args`; rejects with a `CommandError` unless it exits with code 0. */
  async docker(args: readonly string[], options: DockerOptions = {}): Promise<CommandResult> {
    const result = await this.tryDocker(args, options);
    if (result.code !== 0) {
      throw new CommandError(['docker', ...args], result);
    }
    return result;
  }

  /** Runs `docker` with `args`; resolves whatever its exit code is. */
  async tryDocker(args: readonly string[], options: DockerOptions = {}): Promise<CommandResult> {
    const { cli = defaultDockerCli(), socket = this.socket, env, ...rest } = options;
    const own = {
      DOCKER_HOST: `unix://${socket}`,
      DOCKER_CONFIG: this.#dockerConfig,
      HOME: this.box.directory,
    };
    return tryCommand([cli.path, ...args], { ...rest, env: { ...own, ...env } });
  }

  /**
   * What the engine's API answers to a GET, of a path and its query; rejects unless it is 200. For what is looked at again and again:
   * each `docker` is a process.
   */
  async get(location: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const path = `${location}?${new URLSearchParams(query).toString()}`;
    const reply = await requestOverSocket(this.socket, { path });
    if (reply.status !== 200) {
      throw new Error(`${path}: ${reply.status} ${reply.text}`);
    }
    return reply.json();
  }

  /** 20 for 20.10, 28 for 28.5: what an engine does differs by version. */
  async majorVersion(): Promise<number> {
    return Number.parseInt((await this.docker(['version', '--format', '{{.Server.Version}}'])).stdout, 10);
  }

  /** Makes the engine a swarm of one. */
  async swarmInit(): Promise<void> {
    await this.docker(['swarm', 'init', '--advertise-addr', this.host?.address ?? '127.0.0.1']);
  }

  /** Makes the engine a manager or a worker of `other`'s swarm; both are on one network. */
  async swarmJoin(other: Engine, role: 'manager' | 'worker' = 'manager'): Promise<void> {
    if (this.host === undefined || other.host === undefined) {
      throw new Error('engines join each other on a network');
    }
    const { stdout: token } = await other.docker(['swarm', 'join-token', '--quiet', role]);
    const own = ['--advertise-addr', this.host.address, '--listen-addr', this.host.address];
    await this.docker(['swarm', 'join', ...own, '--token', token.trim(), `${other.host.address}:2377`]);
  }

  /** Loads `TEST_IMAGE`: busybox, which by default waits and ends at once on SIGTERM. */
  async importBusybox(): Promise<string> {
    const command = JSON.stringify(['sh', '-c', 'trap "exit 0" TERM; sleep 1000000 & wait']);
    const args = ['import', '--change', `CMD ${command}`, '-', TEST_IMAGE];
    await this.docker(args, { input: await busyboxArchive() });
    return TEST_IMAGE;
  }

  /** Ends the engine as a service manager does, containers included, and starts it again. */
  async restart(): Promise<void> {
    await this.shutDown();
    await this.start();
  }

  /** Sends SIGTERM and waits until the engine has ended. What it keeps on disk stays. */
  async shutDown(): Promise<void> {
    const starter = this.#running();
    process.kill(this.pid(), 'SIGTERM');
    await waitFor(() => starter.exitCode !== null || starter.signalCode !== null, {
      what: 'the engine to end',
      timeout_ms: stop_ms_max,
    });
  }

  /** Kills the engine's process alone (SIGKILL): containers and plugins go on, as after a crash. */
  async kill(): Promise<void> {
    const starter = this.#running();
    const exited = once(starter, 'exit');
    process.kill(this.pid(), 'SIGKILL');
    await exited;
  }

  /** Starts the engine after `shutDown` or `kill`, and waits until its API answers. */
  async start(): Promise<void> {
    await this.#options.prepare?.(this.box);
    const deadline = performance.now() + start_ms_max;
    for (;;) {
      const started = this.#spawnDockerd();
      const outcome = await this.#apiOrExit(started, deadline - performance.now());
      if (outcome === 'answers') {
        return;
      }
      // After a kill, an engine's first start may still find its old containerd.
      const again = this.log().slice(-quotedLog_characters).includes('containerd is still running');
      if (!again || performance.now() > deadline) {
        throw new Error(`the engine ended while it started:\n${this.log().slice(-quotedLog_characters)}`);
      }
      rmSync(path.join(this.box.directory, 'exec', 'containerd', 'containerd.pid'), { force: true });
    }
  }

  /** Ends the engine and all it runs, at once, and removes every trace of it. */
  async stop(): Promise<void> {
    await this.box.destroy();
  }

  get #dockerConfig(): string {
    return path.join(this.box.directory, 'docker-config');
  }

  #running(): ChildProcess {
    if (this.#starter === undefined) {
      throw new Error('the engine does not run');
    }
    return this.#starter;
  }

  #spawnDockerd(): ChildProcess {
    const { directory, cgroupParent } = this.box;
    const command = this.box.inside([
      'dockerd',
      '--debug',
      `--data-root=${this.dataDirectory}`,
      `--exec-root=${path.join(directory, 'exec')}`,
      `--pidfile=${path.join(directory, 'dockerd.pid')}`,
      `--host=unix://${this.socket}`,
      `--cgroup-parent=${cgroupParent}`,
      '--exec-opt=native.cgroupdriver=cgroupfs',
      '--iptables=false',
      '--bridge=none',
      ...(this.#options.dockerdArguments ?? []),
    ]);
    const [program, ...args] = command;
    const log = openSync(this.logFile, 'a', 0o600);
    const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, HOME: directory };
    const starter = spawn(program, args, { stdio: ['ignore', log, log], env });
    closeSync(log);
    this.#starter = starter;
    return starter;
  }

  async #apiOrExit(starter: ChildProcess, timeout_ms: number): Promise<'answers' | 'exited'> {
    return waitFor(
      async () => {
        if (starter.exitCode !== null || starter.signalCode !== null) {
          return 'exited';
        }
        if (!existsSync(this.socket)) {
          return undefined;
        }
        const { status } = await requestOverSocket(this.socket, { path: '/_ping' });
        return status === 200 ? 'answers' : undefined;
      },
      { what: "the engine's API to answer", timeout_ms },
    );
  }
}

/** Starts a private engine. The test ends it with `stop()`; at the latest it ends with the test's process. */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  return Engine.start(options);
}
