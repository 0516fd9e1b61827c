// SPDX-License-Identifier: Apache-2.0
// coffer as a plain process (a legacy plugin) beside a test's engine, on the engine's own host box.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { allAccept, endAtOnce, endGently, isRunning } from './child-process.ts';
import { killProcess } from './cleanup.ts';
import { CommandError, type CommandOptions, type CommandResult, tryCommand } from './command.ts';
import { daemonCommand } from './daemon-command.ts';
import type { Engine } from './engine.ts';
import { childrenOf } from './host-box.ts';
import { checkPrinted } from './printed-json.ts';
import { builtFile } from './project.ts';
import { waitFor } from './wait-for.ts';

/** Far more than it takes: other tests run beside this one. */
const start_ms_max = 60_000;

export interface CofferOptions {
  readonly engine: Engine;
  /** The driver's name, and the plugin socket's. Default `coffer`. */
  readonly driver?: string;
  /** Settings that differ from the launcher's. */
  readonly env?: Readonly<Record<string, string>>;
  /** A directory of its own below the engine's; default the driver's name. */
  readonly directoryName?: string;
}

/**
 * Runs the command line `coffer` against the daemon with this control socket; resolves whatever its exit code is. What it
 * prints as JSON is as its schema says.
 */
export async function tryCofferCli(
  controlSocket: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const program = builtFile('dist/coffer.cjs', 'make build');
  const env = { COFFER_SOCKET: controlSocket, HOME: path.dirname(controlSocket), ...options.env };
  const result = await tryCommand([process.execPath, program, ...args], { ...options, env });
  await checkPrinted(args, result.stdout);
  return result;
}

/** As `tryCofferCli`, and rejects with a `CommandError` unless it exits with code 0. */
export async function cofferCli(
  controlSocket: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await tryCofferCli(controlSocket, args, options);
  if (result.code !== 0) {
    throw new CommandError(['coffer', ...args], result);
  }
  return result;
}

export class Coffer {
  readonly driver: string;
  readonly stateDirectory: string;
  /** The sockets, as the test reaches them. */
  readonly pluginSocket: string;
  readonly gatewaySocket: string;
  readonly controlSocket: string;
  /** Where it mounts volumes, as its box has it. */
  readonly volumesDirectory: string;
  readonly #options: CofferOptions;
  readonly #logFile: string;
  #process: ChildProcess | undefined;

  private constructor(options: CofferOptions) {
    const { engine, driver = 'coffer' } = options;
    const directory = path.join(engine.directory, `c-${options.directoryName ?? driver}`);
    mkdirSync(directory, { recursive: true });
    this.#options = options;
    this.driver = driver;
    this.stateDirectory = path.join(directory, 'state');
    this.pluginSocket = path.join(engine.box.pluginDirectory, `${driver}.sock`);
    this.gatewaySocket = path.join(directory, 'docker.sock');
    this.controlSocket = path.join(directory, 'control.sock');
    this.volumesDirectory = path.join(directory, 'volumes');
    this.#logFile = path.join(directory, 'log');
  }

  /** Starts the daemon and waits until its three sockets accept connections. */
  static async start(options: CofferOptions): Promise<Coffer> {
    const coffer = new Coffer(options);
    await coffer.start();
    return coffer;
  }

  /** The daemon's process, as the host numbers it. */
  get pid(): number {
    return pidOf(this.#running());
  }

  /** All that the daemon wrote, over all its starts. */
  log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** Starts the daemon again after `stop` or `kill9`, on the same state. */
  async start(): Promise<void> {
    const [program, ...args] = this.#options.engine.box.inside(daemonCommand());
    const log = openSync(this.#logFile, 'a', 0o600);
    const child = spawn(program, args, { stdio: ['ignore', log, log], env: this.#environment() });
    closeSync(log);
    this.#process = child;
    try {
      await waitFor(() => allAccept(child, this), { what: 'coffer to serve', timeout_ms: start_ms_max });
    } catch (error) {
      await this.kill9();
      throw new Error(`coffer did not start:\n${this.log().slice(-4_000)}`, { cause: error });
    }
  }

  /** Sends SIGTERM and waits; rejects when the daemon has not ended in time, having killed it. */
  async stop(): Promise<void> {
    await endGently(this.#process, {
      name: 'coffer',
      terminate: () => process.kill(this.pid, 'SIGTERM'),
      kill: () => killProcess(this.pid),
    });
  }

  /** Sends SIGKILL and waits for the end. */
  async kill9(): Promise<void> {
    await endAtOnce(this.#process, () => killProcess(this.pid));
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Resolves when the daemon has ended by itself; to its exit code, or the signal that ended it. */
  async ended(timeout_ms: number): Promise<number | string> {
    const child = this.#running();
    await waitFor(() => !isRunning(child), { what: 'coffer to end by itself', timeout_ms });
    return child.exitCode ?? child.signalCode ?? 'unknown';
  }

  /** Runs `coffer` with `args`; rejects with a `CommandError` unless it exits with code 0. */
  async cli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return cofferCli(this.controlSocket, args, options);
  }

  /** Runs `coffer` with `args`; resolves whatever its exit code is. */
  async tryCli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return tryCofferCli(this.controlSocket, args, options);
  }

  #running(): ChildProcess {
    if (this.#process === undefined || !isRunning(this.#process)) {
      throw new Error('coffer does not run');
    }
    return this.#process;
  }

  #environment(): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      NODE_ENV: 'production',
      UV_THREADPOOL_SIZE: '8',
      COFFER_MODE: 'process',
      COFFER_DRIVER: this.driver,
      COFFER_STATE: this.stateDirectory,
      // The daemon runs inside the box, where the plugin directory has the place that engines know.
      COFFER_PLUGIN_SOCKET: `/run/docker/plugins/${this.driver}.sock`,
      COFFER_GATEWAY_SOCKET: this.gatewaySocket,
      COFFER_CONTROL_SOCKET: this.controlSocket,
      COFFER_ENGINE_SOCKET: this.#options.engine.socket,
      COFFER_VOLUMES: this.volumesDirectory,
      COFFER_LOG_LEVEL: 'debug',
      ...this.#options.env,
    };
  }
}

/** The daemon itself: the one child of the process that put it into the box. */
function pidOf(child: ChildProcess): number {
  const pid = child.pid === undefined ? undefined : childrenOf(child.pid)[0];
  if (pid === undefined) {
    throw new Error('coffer does not run');
  }
  return pid;
}

/** Starts coffer for an engine. The test ends it with `stop()`; at the latest it ends with the engine. */
export async function startCoffer(options: CofferOptions): Promise<Coffer> {
  return Coffer.start(options);
}
