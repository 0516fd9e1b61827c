// SPDX-License-Identifier: Apache-2.0
// What a run is made on: three engines on a network of their own as one swarm, coffer as a managed plugin on each as one cluster.
import { CofferSwarm } from '../support/coffer-swarm.ts';
import type { Engine } from '../support/engine.ts';
import type { FaultKind } from './fault-kinds.ts';
import { mountLoopDisk } from './loop-disk.ts';
import { bringPlugin, PLUGIN, publishBuilds, REGISTRY_ARGUMENT } from './plugin-image.ts';
import { ManagedPlugin } from '../support/managed-plugin.ts';
import { Network } from '../support/network.ts';
import { callControl } from '../support/secret-calls.ts';
import { type Member, startMember } from '../support/swarm-member.ts';
import { startSwarm } from '../support/swarm.ts';
import type { DaemonStatus } from '../../src/control/index.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { isLive } from './processes.ts';
import type { AskedManager } from '../cluster/clients.ts';

export const ENGINES = 3;

/** coffer on one engine, as clients, faults and checks reach it. */
export class Site implements AskedManager {
  readonly member: Member;
  readonly plugin: ManagedPlugin;

  constructor(member: Member, plugin: ManagedPlugin) {
    this.member = member;
    this.plugin = plugin;
  }

  get name(): string {
    return this.member.name;
  }

  get engine(): Engine {
    return this.member.engine;
  }

  get pluginSocket(): string {
    return this.plugin.pluginSocket;
  }

  get gatewaySocket(): string {
    return this.plugin.gatewaySocket;
  }

  get controlSocket(): string {
    return this.plugin.controlSocket;
  }

  /** Whether the plugin's process is there and may run. */
  get running(): boolean {
    const pid = this.plugin.pid();
    return pid !== undefined && isLive(pid);
  }

  /** A path on the engine's host, as this process reaches it. */
  reach(inside: string): string {
    return this.engine.box.reach(inside);
  }

  async status(): Promise<DaemonStatus> {
    return acceptedBody(await callControl(this, 'GET', '/v1/status')) as DaemonStatus;
  }
}

export class ChaosCluster {
  readonly network: Network;
  readonly swarm: CofferSwarm;
  readonly sites: readonly Site[];

  #builds: readonly string[];

  private constructor(
    network: Network,
    swarm: CofferSwarm,
    sites: readonly Site[],
    builds: readonly string[],
  ) {
    this.network = network;
    this.swarm = swarm;
    this.sites = sites;
    this.#builds = builds;
  }

  /** Starts all of it, ready for these faults. */
  static async start(faults: readonly FaultKind[]): Promise<ChaosCluster> {
    const movableClock = faults.includes('clock');
    const ownDisks = faults.some((kind) => kind.endsWith('-disk'));
    const network = await Network.create();
    let engines: readonly Engine[] = [];
    try {
      engines = await startSwarm(network, ENGINES, {
        dockerdArguments: [REGISTRY_ARGUMENT],
        ...(ownDisks ? { prepare: mountLoopDisk } : {}),
      });
      await Promise.all(
        engines.map(async (engine) => {
          await engine.importBusybox();
          await bringPlugin(engine, movableClock);
        }),
      );
      const [maker] = engines;
      const builds =
        maker !== undefined && faults.includes('upgrade-plugin')
          ? await publishBuilds(network, maker, movableClock)
          : [];
      const sites: Site[] = [];
      for (const engine of engines) {
        const [first] = sites;
        const token = await first?.member.cli(['join-token', 'manager', '--quiet']);
        const settings = token === undefined ? {} : { COFFER_JOIN_TOKEN: token.stdout.trim() };
        const member = await startMember('managed plugin', engine, settings);
        sites.push(new Site(member, await ManagedPlugin.find(engine, PLUGIN)));
      }
      const swarm = CofferSwarm.of(
        network,
        sites.map(({ member }) => member),
      );
      return new ChaosCluster(network, swarm, sites, builds);
    } catch (error) {
      await Promise.all(engines.map((engine) => engine.stop()));
      await network.destroy();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.swarm.stop();
  }

  /** The build in the registry that has not been installed for longest. */
  nextBuild(): string {
    const [next, ...others] = this.#builds;
    if (next === undefined) {
      throw new RangeError('no builds were published');
    }
    this.#builds = [...others, next];
    return next;
  }

  /** The site that leads coffer's cluster, as far as those that answer say; the first without any. */
  async cofferLeader(): Promise<Site> {
    const views = await Promise.allSettled(this.sites.map((site) => site.status()));
    const index = views.findIndex(
      (view) => view.status === 'fulfilled' && view.value.store?.role === 'leader',
    );
    return this.#at(Math.max(index, 0));
  }

  /** The site whose engine leads the swarm, as the first engine that answers says; the first without any. */
  async swarmLeader(): Promise<Site> {
    const format = '{{.Hostname}} {{.ManagerStatus}}';
    for (const { engine } of this.sites) {
      const listed = await engine
        .tryDocker(['node', 'ls', '--format', format], { timeout_ms: 3_000 })
        .catch(() => undefined);
      const [, name] = /^(\S+) Leader$/m.exec(listed?.stdout ?? '') ?? [];
      const site = this.sites.find((each) => each.name === name);
      if (site !== undefined) {
        return site;
      }
    }
    return this.#at(0);
  }

  /** By its number, from 1. */
  numbered(number: number): Site {
    return this.#at(number - 1);
  }

  /** The next one after `site`. */
  neighbourOf(site: Site): Site {
    return this.#at((this.sites.indexOf(site) + 1) % this.sites.length);
  }

  othersThan(site: Site): readonly Site[] {
    return this.sites.filter((other) => other !== site);
  }

  #at(index: number): Site {
    const site = this.sites[index];
    if (site === undefined) {
      throw new RangeError(`there are ${this.sites.length} engines`);
    }
    return site;
  }
}
