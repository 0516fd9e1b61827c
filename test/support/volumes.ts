// SPDX-License-Identifier: Apache-2.0
// Volumes of secrets: the words that mount them, who is granted them, and what is left of them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { removeContainers, TARGET } from './container.ts';
import type { Engine } from './engine.ts';
import { type Installation, linesOf } from './installation.ts';
import { waitFor } from './wait-for.ts';

const wipe_ms_max = 15_000;

/** The words of a `docker run` or a `docker service create` that mount a volume of secrets. */
export function volumeMount(
  source: string,
  options: Readonly<Record<string, string>> = {},
  target = TARGET,
): readonly string[] {
  const words = ['type=volume', 'volume-driver=coffer', `source=${source}`, `target=${target}`];
  // The flag's argument is a line of CSV.
  const quoted = Object.entries(options).map(([key, value]) => `"volume-opt=${key}=${value}"`);
  return ['--mount', [...words, ...quoted].join(',')];
}

/** Grants a secret to containers of the installation's node. Resolves to the grant's id. */
export async function grant(
  installation: Installation,
  secret: string,
  words: readonly string[] = [],
): Promise<string> {
  const { stdout } = await installation.cli(['grant', secret, '--node', installation.node, ...words]);
  return stdout.trim();
}

/** Puts a secret, and grants it to all containers of the installation's node. Resolves to the grant's id. */
export async function putAndGrant(
  installation: Installation,
  secret: string,
  value: string | Uint8Array,
): Promise<string> {
  await installation.cli(['put', secret, '-'], { input: value });
  return grant(installation, secret);
}

/** The volumes of coffer's that an engine lists. */
export async function volumesOf(engine: Engine): Promise<readonly string[]> {
  const { stdout } = await engine.docker(['volume', 'ls', '--format', '{{.Driver}} {{.Name}}']);
  return linesOf(stdout)
    .map((line) => line.split(' '))
    .flatMap(([driver = '', name = '']) => (/^coffer(:latest)?$/.test(driver) ? [name] : []));
}

/** The mountpoints below coffer's directory for volumes, as a path in the engine's box. */
export function mountsBelow(engine: Engine, volumesDirectory: string): readonly string[] {
  const text = readFileSync(`/proc/${engine.box.init}/mountinfo`, 'utf8');
  const points = linesOf(text).map((line) => engine.box.reach(line.split(' ')[4] ?? ''));
  return points.filter((point) => point.startsWith(`${volumesDirectory}/`));
}

/** Resolves when nothing of a volume is mounted any more on this node, or nothing of any. */
export async function unmounted(engine: Engine, volumesDirectory: string, volume = ''): Promise<void> {
  const directory = path.join(volumesDirectory, volume);
  await waitFor(() => mountsBelow(engine, directory).length === 0, {
    what: `${directory} to hold no mount`,
    timeout_ms: wipe_ms_max,
  });
}

/** Removes every container, every volume of coffer's, every grant and every secret of an engine without a swarm. */
export async function clearVolumes(installation: Installation): Promise<void> {
  const { engine } = installation;
  await removeContainers(engine);
  await unmounted(engine, installation.volumesDirectory);
  const volumes = await volumesOf(engine);
  if (volumes.length > 0) {
    await engine.docker(['volume', 'rm', ...volumes]);
  }
  const grants = linesOf((await installation.cli(['grant-ls', '--quiet'])).stdout);
  if (grants.length > 0) {
    await installation.cli(['revoke', ...grants]);
  }
  const secrets = await installation.storedNames();
  if (secrets.length > 0) {
    await installation.cli(['rm', '--force', ...secrets]);
  }
}
