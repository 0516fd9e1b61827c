// SPDX-License-Identifier: Apache-2.0
// What must be so within a bounded time once all is healed.
import { leaderOf } from '../support/swarm.ts';
import { waitFor } from '../support/wait-for.ts';
import type { Canaries } from './canaries.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { describe } from './report.ts';
import { createSecret, createService, removeSecret, removeService, valuesInTasks } from './swarm-calls.ts';

/** Far more than it takes: three engines share a machine that may be small. */
const AGREE_MS_MAX = 60_000;
const SWARM_MS_MAX = 90_000;
const PROBE_MS_MAX = 120_000;

/** Resolves when all managers serve, follow one leader, and have applied what any had committed when this was called. */
export async function agreed({ sites }: ChaosCluster): Promise<void> {
  let goal: number | undefined;
  await waitFor(
    async () => {
      const stores = await Promise.all(
        sites.map(async (site) => {
          const { state, store, reason } = await site.status();
          if (state !== 'serving' || store === undefined) {
            throw new Error(`${site.name} is ${state}: ${reason?.message ?? 'it does not say why'}`);
          }
          return store;
        }),
      );
      goal ??= Math.max(...stores.map(({ commitIndex }) => commitIndex));
      const applied = goal;
      const words = stores
        .map(({ role, term, appliedIndex }) => `${role} ${term} at ${appliedIndex}`)
        .join(', ');
      const leaders = stores.filter(({ role }) => role === 'leader').length;
      const terms = new Set(stores.map(({ term }) => term)).size;
      if (leaders !== 1 || terms !== 1 || !stores.every(({ appliedIndex }) => appliedIndex >= applied)) {
        throw new Error(`${words}; ${applied} was committed`);
      }
      return true;
    },
    { what: 'all managers to agree', timeout_ms: AGREE_MS_MAX, interval_ms: 200 },
  );
}

/** Resolves when the swarm has a leader that all engines know. */
export async function swarmWhole({ sites }: ChaosCluster): Promise<void> {
  await leaderOf(
    sites.map(({ engine }) => engine),
    SWARM_MS_MAX,
  );
}

/** Resolves when a new service has a task on each engine, each with the value of a new secret. */
export async function serviceStarts(cluster: ChaosCluster, canaries: Canaries, name: string): Promise<void> {
  const [value = ''] = canaries.make(name).values;
  const { sites } = cluster;
  const [first, second] = [cluster.numbered(1), cluster.numbered(2)];
  const insist = async (what: string, work: () => Promise<boolean>): Promise<void> => {
    await waitFor(work, { what, timeout_ms: PROBE_MS_MAX, interval_ms: 300 });
  };
  await insist(`the secret ${name} to be created`, async () => createSecret(first, name, value));
  await insist(`the service ${name} to be created`, async () =>
    createService(second, name, ['--mode', 'global', '--secret', name]),
  );
  await insist(`${name} to run on all engines`, async () => {
    const found = await Promise.all(sites.map((site) => valuesInTasks(site, name, `/run/secrets/${name}`)));
    const wrong = found.flat().filter((read) => read !== value);
    if (wrong.length > 0) {
      throw new Error(`a task of ${name} has a wrong value`);
    }
    const none = sites.filter((_, index) => found[index]?.length === 0);
    if (none.length > 0) {
      throw new Error(
        `none runs on ${none.map((site) => site.name).join(', ')}; ${await why(cluster, name)}`,
      );
    }
    return true;
  });
  await insist(`the service ${name} to be removed`, async () => removeService(first, name));
  await insist(`the secret ${name} to be removed`, async () => removeSecret(second, name));
  canaries.removed(name);
}

/** What the swarm says of the tasks of a service. */
async function why(cluster: ChaosCluster, service: string): Promise<string> {
  const format = '{{.Node}} {{.CurrentState}} {{.Error}}';
  const words = ['service', 'ps', '--no-trunc', '--format', format, service];
  try {
    return (await cluster.numbered(1).engine.docker(words)).stdout.trim().replaceAll('\n', '; ');
  } catch (error) {
    return describe(error);
  }
}
