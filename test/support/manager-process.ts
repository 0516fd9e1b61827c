// SPDX-License-Identifier: Apache-2.0
// One coffer manager as a plain process, without an engine: on the loopback interface, or on a host of a test's network.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { DaemonStatus, PutReply, SecretReply } from '../../src/control/index.ts';
import { allAccept, endAtOnce, endGently, isRunning } from './child-process.ts';
import { atProcessEnd, killProcess, temporaryDirectory, type TemporaryDirectory } from './cleanup.ts';
import { cofferCli, tryCofferCli } from './coffer.ts';
import type { CommandOptions, CommandResult } from './command.ts';
import { daemonCommand } from './daemon-command.ts';
import { freePort } from './free-port.ts';
import { childrenOf } from './host-box.ts';
import { type Joining, managerEnvironment, type ManagerOptions } from './manager-options.ts';
import { acceptedBody } from './manager-refusal.ts';
import { callControl, getSecret, putThroughControl, valueIn } from './secret-calls.ts';
import { waitFor } from './wait-for.ts';

/** Far more than it takes: other tests run beside this one. */
const start_ms_max = 60_000;
/** How much of the log an error quotes. */
const quotedLog_characters = 4_000;
/** The port on a host of its own. */
const OWN_HOST_PORT = 7373;

export class ManagerProcess {
  readonly name: string;
  readonly stateDirectory: string;
  readonly pluginSocket: string;
  readonly gatewaySocket: string;
  readonly controlSocket: string;
  readonly logFile: string;
  readonly #options: ManagerOptions;
  readonly #temporary: TemporaryDirectory;
  #port: number;
  #joining: Joining | undefined;
  #process: ChildProcess | undefined;
  #forget: () => void = () => undefined;
  #reads = 0;

  private constructor(options: ManagerOptions, port: number) {
    this.name = options.name ?? 'manager';
    this.#options = options;
    this.#port = port;
    this.#joining = options.joining;
    this.#temporary = temporaryDirectory(options.directory);
    const inside = (file: string): string => path.join(this.#temporary.path, file);
    this.stateDirectory = inside('state');
    this.pluginSocket = inside('plugin.sock');
    this.gatewaySocket = inside('docker.sock');
    this.controlSocket = inside('control.sock');
    this.logFile = inside('log');
  }

  /** Starts the daemon and waits until its sockets accept connections; whether it serves is another question. */
  static async start(options: ManagerOptions = {}): Promise<ManagerProcess> {
    const port = options.port ?? (options.host === undefined ? await freePort() : OWN_HOST_PORT);
    const manager = new ManagerProcess(options, port);
    try {
      await manager.start();
      return manager;
    } catch (error) {
      await manager.destroy();
      throw error;
    }
  }

  /** ADDR:PORT, at which other managers reach it. */
  get address(): string {
    return `${this.#options.host?.address ?? '127.0.0.1'}:${this.#port}`;
  }

  /** The daemon's process, as the outer host numbers it. */
  get pid(): number {
    const child = this.#process;
    // On a host of its own the daemon is the one child of the process that put it there.
    const pid = this.#options.host === undefined ? child?.pid : childrenOf(child?.pid ?? 0)[0];
    if (child === undefined || !isRunning(child) || pid === undefined) {
      throw new Error(`${this.name} does not run`);
    }
    return pid;
  }

  get running(): boolean {
    return this.#process !== undefined && isRunning(this.#process);
  }

  /** All that the daemon wrote, over all its starts. */
  log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Starts the daemon again after `stop` or `kill9`, on the same state; with settings for this start alone. */
  async start(once: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.running) {
      throw new Error(`${this.name} runs already`);
    }
    const daemon = daemonCommand();
    // On the test's own host it dies with the test's process, as it does with a host of its own.
    const [program, ...args] = this.#options.host?.inside(daemon) ?? [
      'setpriv',
      '--pdeathsig',
      'KILL',
      ...daemon,
    ];
    const log = openSync(this.logFile, 'a', 0o600);
    const child = spawn(program, args, {
      stdio: ['ignore', log, log],
      env: managerEnvironment(this, this.#joining, { ...this.#options.env, ...once }),
    });
    closeSync(log);
    this.#process = child;
    this.#forget();
    this.#forget = atProcessEnd(() => this.#killNow());
    try {
      await waitFor(() => allAccept(child, this), {
        what: `${this.name} to accept connections`,
        timeout_ms: start_ms_max,
      });
    } catch (error) {
      await this.kill9();
      throw new Error(`${this.name} did not start:\n${this.log().slice(-quotedLog_characters)}`, {
        cause: error,
      });
    }
  }

  /** Sends SIGTERM and waits; rejects when the daemon has not ended in time, having killed it. */
  async stop(): Promise<void> {
    await endGently(this.#process, {
      name: this.name,
      terminate: () => process.kill(this.pid, 'SIGTERM'),
      kill: () => this.#killNow(),
    });
  }

  /** Sends SIGKILL and waits for the end; also where the daemon is paused. */
  async kill9(): Promise<void> {
    await endAtOnce(this.#process, () => this.#killNow());
  }

  /** Stops the process from running at all, as a virtual machine that is suspended; its connections stay. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  /** Lets it go on after `pause`. */
  resume(): void {
    process.kill(this.pid, 'SIGCONT');
    this.#continueStarter();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Removes all that it keeps on disk, keys included. It must not run. `joining` holds for its next start. */
  wipe(joining?: Joining): void {
    if (this.running) {
      throw new Error(`${this.name} runs`);
    }
    rmSync(this.stateDirectory, { recursive: true, force: true });
    this.#joining = joining;
  }

  /**
   * Starts it again at another address: of its host, if it has one of its own, else at another port. It is stopped
   * first, if it runs.
   */
  async move(to?: { readonly address: string }): Promise<void> {
    await this.stop();
    const { host } = this.#options;
    if (host === undefined) {
      this.#port = await freePort();
    } else {
      await host.changeAddress(to?.address ?? host.address);
    }
    await this.start();
  }

  /** Ends it at once and removes all that is left of it. */
  async destroy(): Promise<void> {
    await this.kill9();
    this.#forget();
    this.#temporary.remove();
  }

  /** `GET /v1/status`. */
  async status(): Promise<DaemonStatus> {
    return acceptedBody(await callControl(this, 'GET', '/v1/status')) as DaemonStatus;
  }

  /** Resolves once the daemon says that it serves. */
  async serving(timeout_ms = start_ms_max): Promise<void> {
    await waitFor(
      async () => {
        const { state, reason } = await this.status();
        if (state !== 'serving') {
          throw new Error(`it is ${state}: ${JSON.stringify(reason)}`);
        }
        return true;
      },
      { what: `${this.name} to serve`, timeout_ms },
    );
  }

  /** `PUT /v1/secrets/NAME?expect=always`; rejects unless it is done. */
  async put(name: string, value: Buffer | string): Promise<PutReply> {
    return acceptedBody(await putThroughControl(this, name, Buffer.from(value))) as PutReply;
  }

  /** `GET /v1/secrets/NAME`; rejects unless it is there. */
  async inspect(name: string): Promise<SecretReply> {
    return acceptedBody(
      await callControl(this, 'GET', `/v1/secrets/${encodeURIComponent(name)}`),
    ) as SecretReply;
  }

  /** The value that a task gets which asks for the first time; rejects with the refusal. */
  async deliver(secret: string): Promise<Buffer> {
    this.#reads += 1;
    const task = `${this.name}task${this.#reads}`;
    return valueIn(await getSecret(this, { secret, task }));
  }

  /** Runs `coffer` with `args`; rejects with a `CommandError` unless it exits with code 0. */
  async cli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return cofferCli(this.controlSocket, args, options);
  }

  /** Runs `coffer` with `args`; resolves whatever its exit code is. */
  async tryCli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return tryCofferCli(this.controlSocket, args, options);
  }

  #killNow(): void {
    if (this.running) {
      killProcess(this.pid);
      this.#continueStarter();
    }
  }

  /** `nsenter` stops itself together with its child. */
  #continueStarter(): void {
    if (this.#options.host !== undefined) {
      this.#process?.kill('SIGCONT');
    }
  }
}
