// SPDX-License-Identifier: Apache-2.0
// Faults of the network between the engines' hosts.
import type { FaultSetting, Heal } from './faults.ts';

/** Nothing comes from the others, and nothing reaches them. */
export async function partition({ cluster, site }: FaultSetting): Promise<Heal> {
  const others = cluster.othersThan(site).map(({ member }) => member.host);
  await cluster.network.partition([site.member.host], others);
  return async () => cluster.network.heal();
}

/** It hears nothing of the others, or is not heard by them, or by one of them alone. */
export async function oneWay({ cluster, site, strength }: FaultSetting): Promise<Heal> {
  const own = site.member.host;
  const others = cluster.othersThan(site).slice(strength % 3 === 0 ? 1 : 0);
  for (const { member } of others) {
    const [from, to] = strength % 2 === 0 ? [own, member.host] : [member.host, own];
    await cluster.network.block(from, to);
  }
  return async () => cluster.network.heal();
}

/** What it sends is late by 20 to 317 ms, and up to a seventh of it is lost. */
export async function slowNetwork({ site, strength }: FaultSetting): Promise<Heal> {
  const delay_ms = 20 + strength * 3;
  await site.member.host.delay(delay_ms, Math.floor(delay_ms / 4), Math.floor(strength / 7));
  return async () => site.member.host.delay(0, 0, 0);
}
