// SPDX-License-Identifier: Apache-2.0
// coffer as a managed plugin of a test's engine.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { socketAccepts } from './child-process.ts';
import { killProcess } from './cleanup.ts';
import { type CommandOptions, type CommandResult, runCommand } from './command.ts';
import { cofferCli, tryCofferCli } from './coffer.ts';
import type { Engine } from './engine.ts';
import { builtFile } from './project.ts';
import { waitFor } from './wait-for.ts';

/** Far more than it takes: other tests run beside this one. */
const serving_ms_max = 60_000;
/** It copies some 100 MB. */
const create_ms_max = 180_000;

export interface PluginOptions {
  /** The plugin's name on the engine. Default `coffer`. */
  readonly name?: string;
  /** As for `docker plugin set`: `COFFER_LOG_LEVEL=debug`. The engine's socket is set already. */
  readonly settings?: readonly string[];
  /**
   * A word that makes the files differ from those of another build: an engine refuses files that it has
   * under another name already.
   */
  readonly variant?: string;
}

/**
 * Makes a plugin of build/plugin under `name`, neither set up nor enabled; of a copy that `alter` changes, given its directory,
 * whose files it replaces and never writes to.
 */
export async function createPlugin(
  engine: Engine,
  name: string,
  variant = '',
  alter: (directory: string) => void = () => undefined,
): Promise<void> {
  const built = path.dirname(builtFile('build/plugin/config.json', 'make plugin'));
  const copy = path.join(engine.directory, 'plugin');
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  try {
    // Hard links where they are possible: the files are large and only the version file is replaced.
    await runCommand(['sh', '-c', 'cp -al "$1/." "$2" 2>/dev/null || cp -a "$1/." "$2"', 'cp', built, copy]);
    const versionFile = path.join(copy, 'rootfs/usr/lib/coffer/version.json');
    const about = JSON.parse(readFileSync(versionFile, 'utf8')) as Record<string, unknown>;
    rmSync(versionFile);
    writeFileSync(versionFile, JSON.stringify({ ...about, variant: `${name} ${variant}` }));
    alter(copy);
    await engine.docker(['plugin', 'create', name, copy], { timeout_ms: create_ms_max });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

export class ManagedPlugin {
  readonly engine: Engine;
  readonly name: string;
  readonly id: string;
  /** The engine's file about the plugin as it was when that was killed, until the engine has reached the next process. */
  #fileBefore: number | undefined;

  private constructor(engine: Engine, name: string, id: string) {
    this.engine = engine;
    this.name = name;
    this.id = id;
  }

  /** Creates, sets up and enables the plugin, and waits until it serves. */
  static async install(engine: Engine, options: PluginOptions = {}): Promise<ManagedPlugin> {
    await createPlugin(engine, options.name ?? 'coffer', options.variant);
    return ManagedPlugin.setUp(engine, options);
  }

  /** Sets up and enables a plugin that the engine has, and waits until it serves. */
  static async setUp(
    engine: Engine,
    { name = 'coffer', settings = [] }: Omit<PluginOptions, 'variant'> = {},
  ): Promise<ManagedPlugin> {
    await engine.docker(['plugin', 'set', name, `engine.source=${engine.socket}`, ...settings]);
    await engine.docker(['plugin', 'enable', name]);
    const plugin = await ManagedPlugin.find(engine, name);
    await plugin.serving();
    return plugin;
  }

  /** A plugin that the engine has already. */
  static async find(engine: Engine, name = 'coffer'): Promise<ManagedPlugin> {
    const { stdout } = await engine.docker(['plugin', 'inspect', '--format', '{{.ID}}', name]);
    return new ManagedPlugin(engine, name, stdout.trim());
  }

  /** The sockets, as the test reaches them. */
  get pluginSocket(): string {
    return this.#socket('coffer.sock');
  }

  get gatewaySocket(): string {
    return this.#socket('docker.sock');
  }

  get controlSocket(): string {
    return this.#socket('control.sock');
  }

  /** The daemon's state directory, as the host sees it. */
  get stateDirectory(): string {
    return path.join(this.engine.dataDirectory, 'plugins', this.id, 'propagated-mount');
  }

  /** Where it mounts volumes, as its engine's box has it. */
  get volumesDirectory(): string {
    return path.join(this.stateDirectory, 'volumes');
  }

  /** The daemon's process, as the host numbers it; undefined when it does not run. */
  pid(): number | undefined {
    return this.engine.box.processes().find((pid) => {
      const command = `/proc/${pid}/cmdline`;
      return existsSync(command) && readFileSync(command, 'utf8').startsWith('/usr/bin/node\0');
    });
  }

  /** Resolves when all three sockets accept connections. */
  async serving(): Promise<void> {
    for (const socket of [this.pluginSocket, this.gatewaySocket, this.controlSocket]) {
      await waitFor(async () => socketAccepts(socket), {
        what: `${path.basename(socket)} of the plugin ${this.name}`,
        timeout_ms: serving_ms_max,
      });
    }
  }

  /** What the daemon wrote, in the engine's log. */
  log(): string {
    return this.engine
      .log()
      .split('\n')
      .filter((line) => line.includes(`plugin=${this.id}`))
      .join('\n');
  }

  async enable(): Promise<void> {
    await this.engine.docker(['plugin', 'enable', this.name]);
    await this.serving();
  }

  async disable(): Promise<void> {
    await this.engine.docker(['plugin', 'disable', '--force', this.name]);
  }

  /**
   * Kills the daemon (SIGKILL), as soon as the engine has reached it, and waits until the engine has started another, which
   * serves.
   */
  async kill9(): Promise<void> {
    await this.reached();
    const fileBefore = this.#file();
    const pid = this.pid();
    if (pid === undefined) {
      throw new Error(`the plugin ${this.name} does not run`);
    }
    killProcess(pid);
    await waitFor(() => this.pid() !== undefined && this.pid() !== pid, {
      what: 'the plugin to be started again',
    });
    this.#fileBefore = fileBefore;
    await this.serving();
  }

  /** Resolves when the engine has reached the process that came after `kill9`. One that dies earlier is disabled for good. */
  async reached(): Promise<void> {
    // The engine tells nobody of it; but it writes its file about the plugin anew (moby, plugin/manager_linux.go, pluginPostStart).
    await waitFor(() => this.#fileBefore === undefined || this.#file() !== this.#fileBefore, {
      what: 'the engine to reach the plugin',
    });
    this.#fileBefore = undefined;
  }

  /** Runs `coffer` with `args`; rejects with a `CommandError` unless it exits with code 0. */
  async cli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return cofferCli(this.controlSocket, args, options);
  }

  /** Runs `coffer` with `args`; resolves whatever its exit code is. */
  async tryCli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return tryCofferCli(this.controlSocket, args, options);
  }

  /** The inode of the engine's file about the plugin, which is replaced when it is written. */
  #file(): number {
    const { box, dataDirectory } = this.engine;
    return statSync(box.reach(path.join(dataDirectory, 'plugins', this.id, 'config.json'))).ino;
  }

  #socket(name: string): string {
    return path.join(this.engine.box.pluginDirectory, this.id, name);
  }
}

/** Installs build/plugin on an engine; it goes when the engine is stopped. */
export async function installPlugin(engine: Engine, options: PluginOptions = {}): Promise<ManagedPlugin> {
  return ManagedPlugin.install(engine, options);
}
