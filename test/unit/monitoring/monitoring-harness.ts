// SPDX-License-Identifier: Apache-2.0
// The port for monitors, with a played daemon behind it.
import { silentLogger } from '../../../src/common/index.ts';
import { gauge, type Monitored, MonitoringServer } from '../../../src/monitoring/index.ts';
import type { MonitoringServerOptions } from '../../../src/monitoring/monitoring-server.ts';
import { waitFor } from '../../support/wait-for.ts';

export const MONITORED: Monitored = {
  metrics: async () => [gauge('coffer_up', 'Up', 1)],
  health: () => ({
    version: '1',
    role: 'follower',
    isInitialized: true,
    isSealed: false,
    reasons: [],
    hasLeader: true,
    clusterId: 'c',
    nodeId: 'n',
  }),
  now_ms: () => 0,
};

/** It has not begun to listen. */
export function monitoringServer(overrides: Partial<MonitoringServerOptions> = {}): MonitoringServer {
  return new MonitoringServer({
    host: '127.0.0.1',
    port: 0,
    monitored: MONITORED,
    logger: silentLogger,
    ...overrides,
  });
}

/** Begins to listen, at a port that the system chooses. */
export async function startListening(server: MonitoringServer): Promise<number> {
  server.start();
  await waitFor(() => server.port !== undefined, { what: 'the port to listen', interval_ms: 5 });
  return server.port ?? 0;
}
