// SPDX-License-Identifier: Apache-2.0
// What each kind of fault does to an engine or to coffer on it, and how it is made good.
import type { ChaosCluster, Site } from './chaos-cluster.ts';
import type { FaultKind } from './fault-kinds.ts';

export interface FaultSetting {
  readonly cluster: ChaosCluster;
  readonly site: Site;
  /** From 0 to 99. */
  readonly strength: number;
  /** About how long it is to last. */
  readonly hold_ms: number;
}

/** Does it, and resolves to what makes it good again. */
export type Fault = (setting: FaultSetting) => Promise<() => Promise<void>>;

export const FAULTS: Readonly<Record<FaultKind, Fault>> = {
  'kill-plugin': killPlugin,
  'pause-plugin': pausePlugin,
  partition,
};

/** The engine starts another one at once. */
async function killPlugin({ site }: FaultSetting): Promise<() => Promise<void>> {
  await site.member.crash();
  return async () => site.plugin.reached();
}

async function pausePlugin({ site }: FaultSetting): Promise<() => Promise<void>> {
  const { pid } = site.member;
  process.kill(pid, 'SIGSTOP');
  return async () => void process.kill(pid, 'SIGCONT');
}

async function partition({ cluster, site }: FaultSetting): Promise<() => Promise<void>> {
  const others = cluster.othersThan(site).map(({ member }) => member.host);
  await cluster.network.partition([site.member.host], others);
  return async () => cluster.network.heal();
}
