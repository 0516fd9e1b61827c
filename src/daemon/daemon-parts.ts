// SPDX-License-Identifier: Apache-2.0
// What the daemon consists of below its interfaces, and how these parts know one another.
import { Drills, ScheduledBackups } from '../archive/index.ts';
import {
  type ClusterAdmin,
  ClusterNode,
  type EngineFacts,
  type ManagerReport,
  PeerUnlock,
} from '../cluster/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import { UnlockKeyHolder } from '../crypto/index.ts';
import { EngineClient } from '../engine/index.ts';
import { Webhook } from '../notices/index.ts';
import { Refusals } from '../plugin/index.ts';
import { auditedSource } from './audited-store.ts';
import { Auditing } from './auditing.ts';
import { Delivery } from './delivery.ts';
import { DriverName } from './driver-name.ts';
import { Monitoring } from './monitoring/monitoring.ts';
import { Notifying } from './notices/notifying.ts';
import { ownReport } from './own-report.ts';
import { Rebuilding } from './rebuilding.ts';
import { Rotating } from './rotating.ts';
import type { ReadSettings, Settings } from './settings.ts';
import { StoreKeeper } from './store-keeper.ts';
import { SwarmNodes } from './swarm-nodes.ts';
import { Unlocking } from './unlocking.ts';
import { backupDirectoryOf } from './upkeep.ts';
import { version } from './version.ts';

export interface DaemonOptions extends ReadSettings {
  readonly logger: Logger;
  /** Called once, after a storage error for one: the process must end, and is started again by whoever runs it. */
  readonly onFault: (error: CofferError) => void;
}

/** What `doctor` and `rm` wait for the engine; a hung engine must not hang them. */
const ENGINE_TIMEOUT_MS = 4_000;

export interface DaemonParts {
  readonly settings: Settings;
  readonly engine: EngineClient;
  readonly keeper: StoreKeeper;
  readonly cluster: ClusterNode;
  readonly unlocking: Unlocking;
  readonly peers: PeerUnlock;
  readonly driver: DriverName;
  readonly delivery: Delivery;
  readonly auditing: Auditing;
  readonly monitoring: Monitoring;
  /** Undefined: no notices are sent. */
  readonly webhook: Webhook | undefined;
  readonly notifying: Notifying;
  readonly rotating: Rotating;
  readonly rebuilding: Rebuilding;
  readonly backups: ScheduledBackups;
  readonly drills: Drills;
  readonly swarmNodes: SwarmNodes;
  readonly refusals: Refusals;
  /** What this manager has refused, and how it is. */
  readonly report: () => ManagerReport;
  /** Throws `store.locked` while the keys are sealed: then a node does not know its cluster. */
  readonly admin: () => ClusterAdmin;
  readonly monotonic_ms: () => number;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

/** Nothing is opened or begun yet. */
export function assembleParts({ settings, problem, logger, onFault }: DaemonOptions): DaemonParts {
  const monotonic_ms = (): number => performance.now();
  const now_ms = (): number => Date.now();
  const { stateDirectory } = settings;
  const engine = new EngineClient({ socketPath: settings.engineSocket, timeout_ms: ENGINE_TIMEOUT_MS });
  const swarmNodes = new SwarmNodes({ engine, logger });
  const unlockKey = new UnlockKeyHolder();
  const driver = new DriverName(settings, engine, logger);
  const { current: driverName } = driver;
  const webhook = settings.webhook && new Webhook({ ...settings.webhook, logger });
  const notifying = new Notifying({ webhook, now_ms, logger });
  const auditing = new Auditing({
    settings,
    notify: (notice) => webhook?.send(notice),
    isSettled: problem === undefined,
    nodeId: () => cluster.place.nodeId ?? '',
    signer: () => cluster.signer,
    unlockedBy: () => unlocking.source?.file ?? peers.state.unlockedBy ?? 'docker coffer unlock',
    now_ms,
    monotonic_ms,
    logger,
  });
  const { log: audit } = auditing;
  const rotating = new Rotating({ engine, driverName, audit, now_ms, monotonic_ms, logger });
  const refusals = new Refusals();
  const report = (): ManagerReport =>
    ownReport({
      refusals: refusals.list(),
      driverName: driverName(),
      auditProblem: audit.problem?.detail,
      now_ms: now_ms(),
    });
  const delivery = new Delivery({
    settings,
    engine,
    audit,
    reach: () => cluster.reach,
    driverName,
    now_ms,
    random: Math.random,
    logger,
  });
  const cluster: ClusterNode = new ClusterNode({
    settings: settings.cluster,
    store: { stateDirectory, logger, onFault, monotonic_ms },
    unlockKey,
    engineFacts: () => factsOf(engine),
    report,
    protocols: [delivery.protocol],
    onRoleChange: () => void keeper.reopen(),
    // The others refuse this node already: it lets go of all that it has of theirs.
    onRemoved: (reason) => {
      delivery.withdraw(reason);
      void keeper.withdraw(reason);
    },
    now_ms,
    random: Math.random,
    logger,
  });
  const unlocking = new Unlocking({
    stateDirectory,
    places: settings.unlockKeyPlaces,
    unlockKey,
    open: () => cluster.open(),
    logger,
  });
  const peers: PeerUnlock = new PeerUnlock({
    stateDirectory,
    isLocked: () => isLocked(keeper.reason),
    unlock: (key) => unlocking.unlockWith(key, keeper),
    random: Math.random,
    logger,
  });
  const keeper: StoreKeeper = new StoreKeeper({
    open: unlocking.open,
    onRefused: (reason) => {
      if (isLocked(reason)) {
        void peers.start();
      }
    },
    onServing: (store) => {
      const parts = [delivery, swarmNodes, rotating, auditing, monitoring, notifying];
      const ends = parts.map((part) => part.attach(store));
      return () => ends.forEach((end) => end());
    },
    logger,
  });
  const rebuilding = new Rebuilding({
    keeper,
    rebuild: cluster.rebuild,
    place: () => cluster.place,
    admin: cluster.admin,
    logger,
  });
  const backups = new ScheduledBackups({
    store: auditedSource(keeper.source, audit, 'schedule'),
    directory: backupDirectoryOf(settings),
    version,
    now_ms,
    monotonic_ms,
    logger,
  });
  const admin = (): ClusterAdmin => {
    const { reason } = keeper;
    if (reason !== undefined && isLocked(reason)) {
      throw reason;
    }
    return cluster.admin();
  };
  const monitoring: Monitoring = new Monitoring({
    settings,
    keeper,
    cluster,
    admin,
    delivery,
    auditing,
    webhook,
    backups,
    now_ms,
    logger,
  });
  return {
    settings,
    engine,
    keeper,
    cluster,
    unlocking,
    peers,
    driver,
    delivery,
    auditing,
    monitoring,
    webhook,
    notifying,
    rotating,
    rebuilding,
    backups,
    drills: new Drills({ stateDirectory, monotonic_ms, logger }),
    swarmNodes,
    refusals,
    report,
    admin,
    monotonic_ms,
    now_ms,
    logger,
  };
}

function isLocked(reason: CofferError | undefined): boolean {
  return reason?.code === 'store.locked';
}

async function factsOf(engine: EngineClient): Promise<EngineFacts> {
  const { managerAddresses, nodeAddress, nodeId, swarmState } = await engine.info();
  if (swarmState !== 'active' && swarmState !== 'inactive') {
    // Which node of the swarm it is, it tells when it is one again.
    throw new CofferError('engine.refused', `the engine's swarm is ${swarmState}`);
  }
  return {
    nodeId,
    address: nodeAddress === '' ? undefined : nodeAddress,
    // Swarm's own port stands behind them.
    managers: managerAddresses.map((address) => address.replace(/:\d+$/, '')),
  };
}
