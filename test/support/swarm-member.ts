// SPDX-License-Identifier: Apache-2.0
// coffer on one of several engines that form a swarm, as a plain process or as a managed plugin.
import type { DaemonStatus, NodesReply } from '../../src/control/index.ts';
import { killProcess } from './cleanup.ts';
import { Coffer, cofferCli, startCoffer, tryCofferCli } from './coffer.ts';
import type { CommandResult } from './command.ts';
import type { DockerOptions, Engine } from './engine.ts';
import { type InstallationKind, linesOf } from './installation.ts';
import { createPlugin, ManagedPlugin } from './managed-plugin.ts';
import { acceptedBody } from './manager-refusal.ts';
import type { NetworkHost } from './network.ts';
import { callControl } from './secret-calls.ts';
import { waitFor } from './wait-for.ts';

const serving_ms_max = 60_000;
/** The plugin's name on each engine. */
const PLUGIN = 'coffer';

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
  readonly volumesDirectory: string;
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

  /** The daemon's process, as the host numbers it. */
  get pid(): number {
    const pid = this.#daemon instanceof Coffer ? this.#daemon.pid : this.#daemon.pid();
    if (pid === undefined) {
      throw new Error(`coffer on ${this.name} does not run`);
    }
    return pid;
  }

  /** Where volumes of secrets are mounted, as the test reaches it. */
  get volumesDirectory(): string {
    return this.engine.box.reach(this.#daemon.volumesDirectory);
  }

  /** Runs `docker` through the gateway; rejects unless it exits with code 0. */
  async docker(args: readonly string[], options: DockerOptions = {}): Promise<CommandResult> {
    return this.engine.docker(args, { socket: this.#daemon.gatewaySocket, ...options });
  }

  async cli(args: readonly string[], input?: string): Promise<CommandResult> {
    return cofferCli(this.#daemon.controlSocket, args, input === undefined ? {} : { input });
  }

  async tryCli(args: readonly string[], input?: string): Promise<CommandResult> {
    return tryCofferCli(this.#daemon.controlSocket, args, input === undefined ? {} : { input });
  }

  /** The cluster as this node shows it, by the nodes' names. */
  async nodes(): Promise<readonly ShownNode[]> {
    const { stdout } = await this.cli(['node', 'ls', '--format', 'json']);
    return linesOf(stdout)
      .map((line) => JSON.parse(line) as ShownNode)
      .sort((one, other) => one.Hostname.localeCompare(other.Hostname));
  }

  /** `GET /v1/nodes`: the same, without a process for it. */
  async seenNodes(): Promise<NodesReply['nodes']> {
    return (acceptedBody(await callControl(this.#daemon, 'GET', '/v1/nodes')) as NodesReply).nodes;
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

  /** Resolves when it serves, or is a worker: after its engine was started again, too, when a plugin is another process. */
  async serving(): Promise<void> {
    await waitFor(
      async () => {
        const { text } = await callControl(this.#daemon, 'GET', '/v1/status');
        const { state, reason } = JSON.parse(text) as Pick<DaemonStatus, 'state' | 'reason'>;
        return state === 'serving' || reason?.message.includes('this node is a worker') === true;
      },
      { what: `coffer on ${this.name} to serve`, timeout_ms: serving_ms_max },
    );
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

/** Brings coffer to an engine that has nothing of it; engines may be prepared at once. */
export async function prepareMember(kind: InstallationKind, engine: Engine): Promise<void> {
  await engine.importBusybox();
  if (kind === 'managed plugin') {
    await createPlugin(engine, PLUGIN);
  }
}

/** Starts coffer on an engine that was prepared, and resolves when it serves. */
export async function startMember(
  kind: InstallationKind,
  engine: Engine,
  settings: Readonly<Record<string, string>>,
): Promise<Member> {
  const daemon =
    kind === 'plain process'
      ? await startCoffer({ engine, env: settings })
      : await ManagedPlugin.setUp(engine, {
          name: PLUGIN,
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
