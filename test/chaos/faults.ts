// SPDX-License-Identifier: Apache-2.0
// What each kind of fault does to an engine or to coffer on it, and how it is made good.
import type { ChaosCluster, Site } from './chaos-cluster.ts';
import type { FaultKind } from './fault-kinds.ts';
import { fullDisk, hangDisk, slowDisk } from './disk-faults.ts';
import { oneWay, partition, slowNetwork } from './network-faults.ts';
import { moveClock, PLUGIN } from './plugin-image.ts';

export interface FaultSetting {
  readonly cluster: ChaosCluster;
  readonly site: Site;
  /** From 0 to 99. */
  readonly strength: number;
  /** About how long it is to last. */
  readonly hold_ms: number;
}

/** Makes a fault good again. */
export type Heal = () => Promise<void>;

/** Does it, and resolves to what makes it good again. */
export type Fault = (setting: FaultSetting) => Promise<Heal>;

export const FAULTS: Readonly<Record<FaultKind, Fault>> = {
  'kill-plugin': killPlugin,
  'pause-plugin': pausePlugin,
  'upgrade-plugin': upgradePlugin,
  'restart-engine': restartEngine,
  'kill-engine': killEngine,
  'power-off': powerOff,
  blackout,
  partition,
  'one-way': oneWay,
  'slow-network': slowNetwork,
  'slow-disk': slowDisk,
  'hang-disk': hangDisk,
  'full-disk': fullDisk,
  clock,
};

const UPGRADE_MS_MAX = 120_000;
const CLOCK_SECONDS = [-86_400, -3_600, -60, -5, 5, 60, 3_600, 86_400];

/** The engine starts another one at once. */
async function killPlugin({ site }: FaultSetting): Promise<Heal> {
  await site.member.crash();
  return async () => site.plugin.reached();
}

async function pausePlugin({ site }: FaultSetting): Promise<Heal> {
  const { pid } = site.member;
  process.kill(pid, 'SIGSTOP');
  return async () => void process.kill(pid, 'SIGCONT');
}

async function upgradePlugin({ cluster, site }: FaultSetting): Promise<Heal> {
  const build = cluster.nextBuild();
  await site.plugin.disable();
  const words = ['plugin', 'upgrade', '--grant-all-permissions', '--skip-remote-check', PLUGIN, build];
  await site.engine.docker(words, { timeout_ms: UPGRADE_MS_MAX });
  // An engine of version 20.10 forgets the source of the mount (README.md).
  await site.engine.docker(['plugin', 'set', PLUGIN, `engine.source=${site.engine.socket}`]);
  await site.plugin.enable();
  return async () => site.member.serving();
}

async function restartEngine({ site }: FaultSetting): Promise<Heal> {
  await site.engine.shutDown();
  return async () => {
    await site.engine.start();
    await site.member.serving();
  };
}

/** The plugin goes on; the next engine replaces it. */
async function killEngine({ site }: FaultSetting): Promise<Heal> {
  await site.engine.kill();
  return async () => {
    await site.engine.start();
    await site.member.serving();
  };
}

async function powerOff({ site }: FaultSetting): Promise<Heal> {
  await site.member.powerOff();
  return async () => site.member.powerOn();
}

async function blackout({ cluster }: FaultSetting): Promise<Heal> {
  await Promise.all(cluster.sites.map(({ member }) => member.powerOff()));
  // Side by side: an engine waits for others of its swarm.
  return async () => void (await Promise.all(cluster.sites.map(({ member }) => member.powerOn())));
}

async function clock({ site, strength }: FaultSetting): Promise<Heal> {
  moveClock(site.engine, site.plugin.id, CLOCK_SECONDS[strength % CLOCK_SECONDS.length] ?? 0);
  return async () => moveClock(site.engine, site.plugin.id, 0);
}
