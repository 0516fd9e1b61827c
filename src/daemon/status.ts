// SPDX-License-Identifier: Apache-2.0
import { CofferError } from '../common/index.ts';
import type { ClusterPlace, PeerUnlockState } from '../cluster/index.ts';
import type { ClusterStatus, DaemonStatus, EngineStatus, UpkeepStatus } from '../control/index.ts';
import type { EngineClient } from '../engine/index.ts';
import type { Auditing } from './auditing.ts';
import type { Delivery } from './delivery.ts';
import type { Settings } from './settings.ts';
import type { StoreKeeper } from './store-keeper.ts';
import type { UnlockKeySource } from './unlocking.ts';
import { version } from './version.ts';

export interface DescribeOptions {
  readonly settings: Settings;
  readonly engine: EngineClient;
  readonly keeper: StoreKeeper;
  readonly unlockKeySource: () => UnlockKeySource | undefined;
  readonly peerUnlock: () => PeerUnlockState;
  readonly place: () => ClusterPlace;
  readonly upkeep: () => Promise<UpkeepStatus | undefined>;
  readonly delivery: Pick<Delivery, 'describe' | 'sessions'>;
  readonly audit: Pick<Auditing, 'describe'>;
  readonly driverName: () => string;
  readonly monotonic_ms: () => number;
}

/** What the daemon says of itself. Never rejects: what cannot be known is said. */
export async function describeDaemon(options: DescribeOptions): Promise<DaemonStatus> {
  const { settings, keeper } = options;
  const { reason } = keeper;
  return {
    version,
    state: keeper.state,
    reason:
      reason === undefined ? undefined : { code: reason.code, message: reason.detail, hint: reason.hint },
    uptime_ms: Math.floor(options.monotonic_ms()),
    mode: settings.mode,
    driverName: options.driverName(),
    sockets: {
      plugin: settings.pluginSocket,
      gateway: settings.gatewaySocket,
      control: settings.controlSocket,
    },
    stateDirectory: settings.stateDirectory,
    unlockKeySource: options.unlockKeySource(),
    peerUnlock: describePeerUnlock(options),
    audit: options.audit.describe(),
    engine: await describeEngine(options.engine),
    cluster: describePlace(options.place()),
    agent: options.delivery.describe(),
    sessions: options.delivery.sessions,
    upkeep: reason === undefined ? await options.upkeep() : undefined,
    store: reason === undefined ? keeper.source().status() : undefined,
  };
}

function describePeerUnlock({ keeper, peerUnlock }: DescribeOptions): DaemonStatus['peerUnlock'] {
  const { asking, problem, unlockedBy } = peerUnlock();
  const enabled = keeper.reason === undefined && keeper.source().cluster.autolock?.peerUnlock !== undefined;
  return asking || enabled || unlockedBy !== undefined
    ? { enabled, asking, problem: problem?.detail, unlockedBy }
    : undefined;
}

function describePlace({ address, nodeId, problem, role }: ClusterPlace): ClusterStatus {
  return { role, nodeId, address, problem: problem?.detail };
}

async function describeEngine(engine: EngineClient): Promise<EngineStatus> {
  const address = `unix://${engine.socketPath}`;
  try {
    const { serverVersion, swarmState, swarmId, nodeId, controlAvailable } = await engine.info();
    return {
      address,
      reachable: true,
      version: serverVersion,
      swarm: swarmState,
      swarmId,
      nodeId,
      manager: controlAvailable,
    };
  } catch (thrown) {
    return { address, reachable: false, problem: CofferError.from(thrown).detail };
  }
}
