// SPDX-License-Identifier: Apache-2.0
// Three engines as managers of one swarm, which keep secrets in Swarm's own store.
import { Network } from '../support/network.ts';
import { inParallel } from '../support/secret-calls.ts';
import { requestOverSocket } from '../support/socket-request.ts';
import { leaderOf, startSwarm } from '../support/swarm.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';

const WHOLE_MS_MAX = 90_000;
const REMOVE_WIDTH = 32;

export async function startSwarmCluster(): Promise<ClusterUnderTest> {
  const network = await Network.create();
  const engines = await startSwarm(network, 3, { dockerdArguments: ['--debug=false'] }).catch(
    async (error: unknown) => {
      await network.destroy();
      throw error;
    },
  );
  const [first] = engines;
  const { stdout } = (await first?.docker(['version', '--format', '{{.Server.Version}}'])) ?? { stdout: '' };
  return {
    name: `Swarm ${stdout.trim()}`,
    targets: engines.map(({ socket }) => ({ kind: 'swarm', socket })),
    write: 'secret create',
    read: undefined,
    clear: async () => {
      const leader = await leaderOf(engines, WHOLE_MS_MAX);
      const call = (method: string, path: string) =>
        requestOverSocket(leader.socket, { method, path: `/v1.41/secrets${path}`, timeout_ms: 30_000 });
      const secrets = (await call('GET', '')).json() as readonly { readonly ID: string }[];
      await inParallel(secrets, REMOVE_WIDTH, async ({ ID }) => {
        await call('DELETE', `/${ID}`);
      });
    },
    leader: async () => {
      const leader = await leaderOf(engines, WHOLE_MS_MAX);
      return { kill: () => leader.kill(), start: () => leader.start() };
    },
    stop: async () => {
      await Promise.all(engines.map((engine) => engine.stop()));
      await network.destroy();
    },
  };
}
