// SPDX-License-Identifier: Apache-2.0
// The plugin as a run wants it: with a clock that can be moved, and in two builds in a registry, so that each can be upgraded to
// the other.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Engine } from '../support/engine.ts';
import { createPlugin } from '../support/managed-plugin.ts';
import type { Network } from '../support/network.ts';
import { daysLater } from '../support/other-time.ts';
import { startRegistry } from '../support/registry.ts';

export const PLUGIN = 'coffer';
/** For engines to trust the registry. */
export const REGISTRY_ARGUMENT = '--insecure-registry=10.77.0.0/24';

const BUILDS = ['one', 'other'] as const;
const PUSH_MS_MAX = 180_000;
/** In the plugin's files. */
const LIBRARY = '/usr/lib/faketime/libfaketimeMT.so.1';
const CLOCK = '/etc/faketime';
const SECONDS_A_DAY = 86_400;

/** Changes a copy of the plugin's files: its processes get a clock that `moveClock` moves. */
function withMovableClock(directory: string): void {
  const { LD_PRELOAD: library = '', FAKETIME: _, ...settings } = daysLater(0);
  const rootfs = path.join(directory, 'rootfs');
  mkdirSync(path.join(rootfs, path.dirname(LIBRARY)), { recursive: true });
  copyFileSync(library, path.join(rootfs, LIBRARY));
  writeFileSync(path.join(rootfs, CLOCK), '+0\n');
  const variables = {
    ...settings,
    LD_PRELOAD: LIBRARY,
    FAKETIME_TIMESTAMP_FILE: CLOCK,
    FAKETIME_CACHE_DURATION: '1',
  };
  const file = path.join(directory, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as { readonly env: readonly unknown[] };
  const env = [...config.env, ...Object.entries(variables).map(([name, value]) => ({ name, value }))];
  // It may be a hard link to the file that was built.
  rmSync(file);
  writeFileSync(file, JSON.stringify({ ...config, env }));
}

/** Brings the plugin to an engine, neither set up nor enabled. */
export async function bringPlugin(engine: Engine, movableClock: boolean): Promise<void> {
  await createPlugin(engine, PLUGIN, '', movableClock ? withMovableClock : undefined);
}

/** The clock of a plugin: `seconds` from now, or ago if negative. Its processes follow within two seconds. */
export function moveClock(engine: Engine, pluginId: string, seconds: number): void {
  const file = path.join(engine.dataDirectory, 'plugins', pluginId, 'rootfs', CLOCK);
  const days = seconds / SECONDS_A_DAY;
  writeFileSync(engine.box.reach(file), `${days < 0 ? '' : '+'}${days.toFixed(8)}d\n`);
}

/** Puts two builds into a registry on a host of its own; resolves to their names. `engine` makes them. */
export async function publishBuilds(
  network: Network,
  engine: Engine,
  movableClock: boolean,
): Promise<readonly string[]> {
  const host = await network.host('registry');
  const { address } = await startRegistry({ box: host.box, host }, { onNetwork: true });
  const names = BUILDS.map((build) => `${address}/${PLUGIN}:${build}`);
  for (const name of names) {
    await createPlugin(engine, name, '', movableClock ? withMovableClock : undefined);
    await engine.docker(['plugin', 'push', name], { timeout_ms: PUSH_MS_MAX });
    await engine.docker(['plugin', 'rm', name]);
  }
  return names;
}
