// SPDX-License-Identifier: Apache-2.0
// What is looked at once, when all is over and quiet.
import path from 'node:path';
import { linesOf } from '../support/installation.ts';
import { describeLeaks } from '../support/leak-scanner.ts';
import { waitFor } from '../support/wait-for.ts';
import type { Canaries } from './canaries.ts';
import type { ChaosCluster, Site } from './chaos-cluster.ts';
import { agreed, swarmWhole } from './converge.ts';
import { GROWTH_BYTES_MAX, type MemorySamples, memoryTable } from './memory.ts';
import type { Report } from './report.ts';

const LISTS_MS_MAX = 30_000;

export interface LastChecks {
  readonly cluster: ChaosCluster;
  readonly canaries: Canaries;
  readonly report: Report;
  readonly memory: MemorySamples;
}

export async function lastChecks({ cluster, canaries, report, memory }: LastChecks): Promise<void> {
  const whole = await report.attempt('at the end the cluster is whole', async () => {
    await agreed(cluster);
    await swarmWhole(cluster);
  });
  if (whole) {
    await report.attempt('at the end all managers list the same secrets', async () => sameLists(cluster));
    report.check('what was removed is gone', await listedThoughRemoved(cluster.numbered(1), canaries));
    for (const site of cluster.sites) {
      report.check(`no value in what ${site.name} has on its disk`, leaksOnDisk(site, canaries));
    }
    await report.attempt('all can be removed', async () => cluster.swarm.clear());
  }
  const summaries = memory.summaries();
  memoryTable(summaries).forEach((line) => report.line(line));
  for (const { name, growth_bytes = 0 } of summaries.filter((summary) => summary.name.startsWith('coffer'))) {
    const grown = growth_bytes > GROWTH_BYTES_MAX;
    report.check(`the memory of ${name} is flat`, grown ? [`it grew by ${growth_bytes} bytes`] : []);
  }
}

/** Resolves when all list the same secrets in the same versions. */
async function sameLists(cluster: ChaosCluster): Promise<void> {
  await waitFor(
    async () => {
      const lists = await Promise.all(cluster.sites.map(listAt));
      const [first = '', ...others] = lists;
      return first !== '' && others.every((list) => list === first);
    },
    { what: 'all managers to list the same', timeout_ms: LISTS_MS_MAX, interval_ms: 500 },
  );
}

async function listAt({ member }: Site): Promise<string> {
  const { stdout } = await member.cli(['ls', '--format', 'json']);
  return linesOf(stdout).toSorted().join('\n');
}

async function listedThoughRemoved({ member }: Site, canaries: Canaries): Promise<readonly string[]> {
  const listed = new Set(linesOf((await member.cli(['ls', '--quiet'])).stdout));
  const wrong = canaries.all().filter(({ name, removed }) => removed && listed.has(name));
  return wrong.map(({ name }) => `${name} is listed`);
}

/** Values in the state directory, but for the volumes, which are in memory, and what belongs to them. */
function leaksOnDisk(site: Site, canaries: Canaries): readonly string[] {
  const { stateDirectory, volumesDirectory } = site.plugin;
  const volumes = site.reach(volumesDirectory);
  const state = canaries.scanner.scanTree(site.reach(stateDirectory), (place) => place === volumes);
  const swarm = canaries.scanner.scanTree(site.reach(path.join(site.engine.dataDirectory, 'swarm')));
  const leaks = [...state, ...swarm];
  return leaks.length === 0 ? [] : [describeLeaks(leaks)];
}
