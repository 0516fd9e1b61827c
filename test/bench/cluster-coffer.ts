// SPDX-License-Identifier: Apache-2.0
import type { ManagerCluster } from '../support/manager-cluster.ts';
import { waitFor } from '../support/wait-for.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';

const WHOLE_MS_MAX = 60_000;

/** Coffer, as a cluster of managers that were started before. */
export function cofferCluster(cluster: ManagerCluster): ClusterUnderTest {
  const { managers } = cluster;
  return {
    name: 'coffer',
    targets: managers.map(({ controlSocket, pluginSocket }) => ({
      kind: 'coffer',
      controlSocket,
      pluginSocket,
    })),
    write: 'put',
    read: 'GetSecret, new tasks',
    leader: async () => {
      await Promise.all(managers.map((manager) => manager.serving(WHOLE_MS_MAX)));
      // One that was away has caught up when it has what was committed before.
      const leader = await cluster.leader();
      const committed = (await leader.status()).store?.commitIndex ?? 0;
      await waitFor(
        async () => {
          const all = await Promise.all(managers.map((manager) => manager.status()));
          return all.every(({ store }) => (store?.appliedIndex ?? 0) >= committed);
        },
        { what: 'all managers to have caught up', timeout_ms: WHOLE_MS_MAX },
      );
      return { kill: () => leader.kill9(), start: () => leader.start() };
    },
    stop: async () => {
      // Who is profiled writes that at its end.
      await Promise.all(cluster.running.map((manager) => manager.stop()));
      await cluster.destroy();
    },
  };
}
