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

/** The parts, each with the ways to the others that it needs. Nothing is opened or begun yet. */
export class DaemonParts {
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
  readonly refusals = new Refusals();
  readonly logger: Logger;
  readonly #unlockKey = new UnlockKeyHolder();

  constructor({ settings, problem, logger, onFault }: DaemonOptions) {
    const { monotonic_ms, now_ms } = this;
    const { stateDirectory } = settings;
    this.settings = settings;
    this.logger = logger;
    this.engine = new EngineClient({ socketPath: settings.engineSocket, timeout_ms: ENGINE_TIMEOUT_MS });
    this.swarmNodes = new SwarmNodes({ engine: this.engine, logger });
    this.driver = new DriverName(settings, this.engine, logger);
    this.webhook = settings.webhook && new Webhook({ ...settings.webhook, logger });
    this.notifying = new Notifying({ webhook: this.webhook, now_ms, logger });
    this.auditing = this.#newAuditing(problem === undefined);
    this.rotating = this.#newRotating();
    this.delivery = this.#newDelivery();
    this.cluster = this.#newCluster(onFault);
    this.unlocking = this.#newUnlocking();
    this.peers = this.#newPeers();
    this.keeper = this.#newKeeper();
    this.rebuilding = this.#newRebuilding();
    this.backups = this.#newBackups();
    this.drills = new Drills({ stateDirectory, monotonic_ms, logger });
    this.monitoring = this.#newMonitoring();
  }

  readonly monotonic_ms = (): number => performance.now();
  readonly now_ms = (): number => Date.now();

  /** What this manager has refused, and how it is. */
  readonly report = (): ManagerReport =>
    ownReport({
      refusals: this.refusals.list(),
      driverName: this.driver.current(),
      auditProblem: this.auditing.log.problem?.detail,
      now_ms: this.now_ms(),
    });

  /** Throws `store.locked` while the keys are sealed: then a node does not know its cluster. */
  readonly admin = (): ClusterAdmin => {
    const { reason } = this.keeper;
    if (reason !== undefined && isLocked(reason)) {
      throw reason;
    }
    return this.cluster.admin();
  };

  #newAuditing(isSettled: boolean): Auditing {
    const { logger, monotonic_ms, now_ms, settings } = this;
    return new Auditing({
      settings,
      notify: (notice) => this.webhook?.send(notice),
      isSettled,
      nodeId: () => this.cluster.place.nodeId ?? '',
      signer: () => this.cluster.signer,
      unlockedBy: () => this.unlocking.source?.file ?? this.peers.state.unlockedBy ?? 'docker coffer unlock',
      now_ms,
      monotonic_ms,
      logger,
    });
  }

  #newRotating(): Rotating {
    const { auditing, driver, engine, logger, monotonic_ms, now_ms } = this;
    const { current: driverName } = driver;
    return new Rotating({ engine, driverName, audit: auditing.log, now_ms, monotonic_ms, logger });
  }

  #newDelivery(): Delivery {
    const { auditing, driver, engine, logger, now_ms, settings } = this;
    return new Delivery({
      settings,
      engine,
      audit: auditing.log,
      reach: () => this.cluster.reach,
      driverName: driver.current,
      now_ms,
      random: Math.random,
      logger,
    });
  }

  #newCluster(onFault: DaemonOptions['onFault']): ClusterNode {
    const { delivery, engine, logger, monotonic_ms, now_ms, report, settings } = this;
    return new ClusterNode({
      settings: settings.cluster,
      store: { stateDirectory: settings.stateDirectory, logger, onFault, monotonic_ms },
      unlockKey: this.#unlockKey,
      engineFacts: () => factsOf(engine),
      report,
      protocols: [delivery.protocol],
      onRoleChange: () => void this.keeper.reopen(),
      // The others refuse this node already: it lets go of all that it has of theirs.
      onRemoved: (reason) => {
        delivery.withdraw(reason);
        void this.keeper.withdraw(reason);
      },
      now_ms,
      random: Math.random,
      logger,
    });
  }

  #newUnlocking(): Unlocking {
    const { cluster, logger, settings } = this;
    return new Unlocking({
      stateDirectory: settings.stateDirectory,
      places: settings.unlockKeyPlaces,
      unlockKey: this.#unlockKey,
      open: () => cluster.open(),
      logger,
    });
  }

  #newPeers(): PeerUnlock {
    const { logger, settings, unlocking } = this;
    return new PeerUnlock({
      stateDirectory: settings.stateDirectory,
      isLocked: () => isLocked(this.keeper.reason),
      unlock: (key) => unlocking.unlockWith(key, this.keeper),
      random: Math.random,
      logger,
    });
  }

  #newKeeper(): StoreKeeper {
    const { logger, peers, unlocking } = this;
    return new StoreKeeper({
      open: unlocking.open,
      onRefused: (reason) => {
        if (isLocked(reason)) {
          void peers.start();
        }
      },
      onServing: (store) => {
        const { auditing, delivery, monitoring, notifying, rotating, swarmNodes } = this;
        const parts = [delivery, swarmNodes, rotating, auditing, monitoring, notifying];
        const ends = parts.map((part) => part.attach(store));
        return () => ends.forEach((end) => end());
      },
      logger,
    });
  }

  #newRebuilding(): Rebuilding {
    const { cluster, keeper, logger } = this;
    return new Rebuilding({
      keeper,
      rebuild: cluster.rebuild,
      place: () => cluster.place,
      admin: cluster.admin,
      logger,
    });
  }

  #newBackups(): ScheduledBackups {
    const { auditing, keeper, logger, monotonic_ms, now_ms, settings } = this;
    return new ScheduledBackups({
      store: auditedSource(keeper.source, auditing.log, 'schedule'),
      directory: backupDirectoryOf(settings),
      version,
      now_ms,
      monotonic_ms,
      logger,
    });
  }

  #newMonitoring(): Monitoring {
    const { admin, auditing, backups, cluster, delivery, keeper, logger, now_ms, settings, webhook } = this;
    return new Monitoring({
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
  }
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
