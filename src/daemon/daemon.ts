// SPDX-License-Identifier: Apache-2.0
// The daemon, put together from its parts. The only place that knows them all.
import type { Server } from 'node:http';
import {
  type ClusterAdmin,
  ClusterNode,
  type EngineFacts,
  type ManagerReport,
  PeerUnlock,
} from '../cluster/index.ts';
import { Drills, ScheduledBackups } from '../archive/index.ts';
import { CofferError, listenOnUnixSocket, type Logger, withDeadline } from '../common/index.ts';
import { createControlServer, type ControlServer } from '../control/index.ts';
import { UnlockKeyHolder } from '../crypto/index.ts';
import { diagnose } from '../diagnosis/index.ts';
import { EngineClient } from '../engine/index.ts';
import { createGateway, type Gateway, Reconciler } from '../gateway/index.ts';
import { createPluginServer, Refusals, SecretProvider, VolumeDriver } from '../plugin/index.ts';
import { Auditing } from './auditing.ts';
import { auditedSource } from './audited-store.ts';
import { Delivery } from './delivery.ts';
import { describeRefusal } from './describe-refusal.ts';
import { examine } from './doctor.ts';
import { Rebuilding } from './rebuilding.ts';
import { DriverName } from './driver-name.ts';
import { Forcing } from './forcing.ts';
import { usesOf } from './engine-uses.ts';
import { mayBeCutOff } from './propagation.ts';
import { ownReport } from './own-report.ts';
import { readLedger } from './read-ledger.ts';
import { readWhy } from './read-why.ts';
import type { ReadSettings, Settings } from './settings.ts';
import { describeDaemon } from './status.ts';
import { backupDirectoryOf, describeUpkeep } from './upkeep.ts';
import { Rotating } from './rotating.ts';
import { secretUses } from './secret-uses.ts';
import { StoreKeeper } from './store-keeper.ts';
import { version } from './version.ts';
import { SwarmNodes } from './swarm-nodes.ts';
import { Unlocking } from './unlocking.ts';
import { volumeReadiness } from './volume-readiness.ts';

export interface DaemonOptions extends ReadSettings {
  readonly logger: Logger;
  /** Called once, after a storage error for one: the process must end, and is started again by whoever runs it. */
  readonly onFault: (error: CofferError) => void;
}

/** What `doctor` and `rm` wait for the engine; a hung engine must not hang them. */
const ENGINE_TIMEOUT_MS = 4_000;

/** An engine kills a plugin ten seconds after it asked it to stop. */
const STEP_TIMEOUT_MS = 2_000;

/** A manager: all sockets, the store behind them, and what keeps it in step with the engine. */
export class Daemon {
  readonly #settings: Settings;
  readonly #logger: Logger;
  readonly #onFault: (error: CofferError) => void;
  readonly #problem: CofferError | undefined;
  readonly #keeper: StoreKeeper;
  readonly #cluster: ClusterNode;
  readonly #peers: PeerUnlock;
  readonly #provider: SecretProvider;
  readonly #driver: DriverName;
  readonly #delivery: Delivery;
  readonly #audit: Auditing;
  readonly #plugin: Server;
  readonly #control: ControlServer;
  readonly #gateway: Gateway;
  readonly #rebuilding: Rebuilding;
  readonly #reconciler: Reconciler;
  readonly #backups: ScheduledBackups;
  readonly #drills: Drills;
  #removePluginSocket: (() => void) | undefined;
  #stopping = false;

  constructor({ settings, problem, logger, onFault }: DaemonOptions) {
    this.#settings = settings;
    this.#problem = problem;
    this.#logger = logger;
    this.#onFault = onFault;
    const monotonic_ms = (): number => performance.now();
    const now_ms = (): number => Date.now();
    const { stateDirectory } = settings;
    const engine = new EngineClient({ socketPath: settings.engineSocket, timeout_ms: ENGINE_TIMEOUT_MS });
    const swarmNodes = new SwarmNodes({ engine, logger });
    const unlockKey = new UnlockKeyHolder();
    this.#driver = new DriverName(settings, engine, logger);
    const driverName = this.#driver.current;
    this.#audit = new Auditing({
      settings,
      isSettled: problem === undefined,
      nodeId: () => this.#cluster.place.nodeId ?? '',
      signer: () => this.#cluster.signer,
      unlockedBy: () => unlocking.source?.file ?? this.#peers.state.unlockedBy ?? 'docker coffer unlock',
      now_ms,
      monotonic_ms,
      logger,
    });
    const { log: audit } = this.#audit;
    const rotating = new Rotating({ engine, driverName, audit, now_ms, monotonic_ms, logger });
    this.#delivery = new Delivery({
      settings,
      engine,
      audit,
      reach: () => this.#cluster.reach,
      driverName,
      now_ms,
      random: Math.random,
      logger,
    });
    this.#cluster = new ClusterNode({
      settings: settings.cluster,
      store: { stateDirectory, logger, onFault, monotonic_ms },
      unlockKey,
      engineFacts: () => factsOf(engine),
      report: () => report(),
      protocols: [this.#delivery.protocol],
      onRoleChange: () => void this.#keeper.reopen(),
      onRemoved: (reason) => this.#onRemoved(reason),
      now_ms,
      random: Math.random,
      logger,
    });
    const unlocking = new Unlocking({
      stateDirectory,
      places: settings.unlockKeyPlaces,
      unlockKey,
      open: () => this.#cluster.open(),
      logger,
    });
    this.#peers = new PeerUnlock({
      stateDirectory,
      isLocked: () => isLocked(this.#keeper.reason),
      unlock: (key) => unlocking.unlockWith(key, this.#keeper),
      random: Math.random,
      logger,
    });
    const onRefused = (reason: CofferError): void => {
      if (isLocked(reason)) {
        void this.#peers.start();
      }
    };
    this.#keeper = new StoreKeeper({
      open: unlocking.open,
      onRefused,
      onServing: (store) => {
        const ends = [this.#delivery, swarmNodes, rotating, this.#audit].map((part) => part.attach(store));
        return () => ends.forEach((end) => end());
      },
      logger,
    });
    this.#rebuilding = new Rebuilding({
      keeper: this.#keeper,
      rebuild: this.#cluster.rebuild,
      place: () => this.#cluster.place,
      admin: this.#cluster.admin,
      logger,
    });
    const { source, started, loaded } = this.#keeper;
    this.#backups = new ScheduledBackups({
      store: auditedSource(source, audit, 'schedule'),
      directory: backupDirectoryOf(settings),
      version,
      now_ms,
      monotonic_ms,
      logger,
    });
    this.#drills = new Drills({ stateDirectory, monotonic_ms, logger });
    const refusals = new Refusals();
    const report = (): ManagerReport =>
      ownReport({
        refusals: refusals.list(),
        driverName: driverName(),
        auditProblem: audit.problem?.detail,
        now_ms: now_ms(),
      });
    this.#provider = new SecretProvider({
      source: auditedSource(source, audit, 'engine'),
      audit,
      started,
      swarmNode: (id) => swarmNodes.node(id),
      logger,
      now_ms,
    });
    this.#plugin = createPluginServer({
      provider: this.#provider,
      volumes: new VolumeDriver({
        volumes: this.#delivery,
        ready: volumeReadiness(this.#keeper),
        refusals,
        audit,
        logger,
        now_ms,
      }),
      refusals,
      audit,
      logger,
      now_ms,
    });
    this.#control = createControlServer({
      version,
      store: auditedSource(source, audit, 'control'),
      storeStarted: loaded,
      status: () =>
        describeDaemon({
          settings,
          engine,
          keeper: this.#keeper,
          unlockKeySource: () => unlocking.source,
          peerUnlock: () => this.#peers.state,
          place: () => this.#cluster.place,
          upkeep: () =>
            describeUpkeep(this.#cluster.admin, this.#backups, () => source().cluster.rotations()),
          delivery: this.#delivery,
          audit: this.#audit,
          driverName,
          monotonic_ms,
        }),
      users: (name) => usesOf(engine, driverName(), name),
      ledger: () =>
        readLedger({ engine, driverName: driverName(), store: source(), delivery: this.#delivery }),
      rotate: (wish) => rotating.begin(wish),
      secretUses: () => secretUses(engine, driverName()),
      why: async (name) =>
        diagnose(
          await readWhy({
            engine,
            store: source,
            nodeId: () => this.#cluster.place.nodeId,
            report,
            askOthers: () => this.#cluster.askOthers(),
            volumes: () => this.#delivery.registered(),
            now_ms,
          }),
          name,
        ),
      refusals: () => refusals.list().map(describeRefusal),
      doctor: () =>
        examine({
          keeper: this.#keeper,
          unlockKeySource: () => unlocking.source,
          peerUnlock: () => this.#peers.state,
          engine,
          driverName,
          rotations: () => rotating.facts(),
          place: () => this.#cluster.place,
          admin: this.#cluster.admin,
          backups: () => this.#backups.describe(),
          audit: this.#audit,
          staleUnlockKeys: () => unlocking.stalePlaces(),
        }),
      audit: this.#audit.admin,
      cluster: () => this.#admin(),
      backups: this.#backups,
      drills: this.#drills,
      unlock: (text) => unlocking.unlock(text, this.#keeper),
      force: new Forcing({
        survivors: () => this.#admin().survivors,
        goOnAlone: (lastEntry) => this.#cluster.goOnAlone(lastEntry),
        keeper: this.#keeper,
        logger,
      }),
      rebuild: this.#rebuilding,
      logger,
    });
    this.#gateway = createGateway({
      engine,
      store: auditedSource(source, audit, 'gateway'),
      storeStarted: async (timeout_ms) => {
        await Promise.all([loaded(timeout_ms), this.#driver.known(timeout_ms)]);
      },
      driverName,
      stackRotation: settings.stackRotation,
      logger,
    });
    this.#reconciler = new Reconciler({
      engine,
      store: auditedSource(source, audit, 'reconciler'),
      driverName,
      logger,
    });
  }

  /**
   * Listens on all sockets, and then opens the store: an engine waits half a second for a plugin's socket. Rejects
   * only if a socket cannot be had; a store that cannot be opened is told on every interface.
   */
  async start(): Promise<void> {
    await this.#requirePropagation();
    this.#removePluginSocket = await listenOnUnixSocket(this.#plugin, this.#settings.pluginSocket);
    await this.#control.listen(this.#settings.controlSocket);
    await this.#gateway.listen(this.#settings.gatewaySocket);
    this.#logger.info('coffer listens', {
      plugin: this.#settings.pluginSocket,
      control: this.#settings.controlSocket,
      gateway: this.#settings.gatewaySocket,
    });
    if (this.#problem !== undefined) {
      this.#keeper.refuse(this.#problem);
      return;
    }
    this.#audit.log.start();
    this.#driver.start();
    await this.#delivery.start();
    await this.#drills.clean();
    this.#rebuilding.start();
    await this.#keeper.open();
    this.#backups.start();
    // It tells coffer's registrations from others by the driver's name.
    void this.#driver.told.then(() => {
      if (!this.#stopping) {
        this.#reconciler.start();
      }
    });
  }

  /** Stops taking calls, finishes those that were taken, writes all down. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#driver.stop();
    this.#peers.stop();
    this.#rebuilding.stop();
    await this.#attempt('the reconciler', () => this.#reconciler.stop());
    await this.#attempt('the scheduled backups', () => this.#backups.stop());
    await this.#attempt('the gateway', () => this.#gateway.close());
    await this.#attempt('the control socket', () => this.#control.close());
    await this.#attempt('the drill', () => this.#drills.ended());
    this.#removePluginSocket?.();
    this.#plugin.close();
    this.#plugin.closeAllConnections();
    await this.#attempt('the volumes', () => this.#delivery.stop());
    await this.#attempt('the deliveries', () => this.#provider.flush());
    await this.#attempt('the audit log', () => this.#audit.stop());
    await this.#keeper.close();
    // Last: until then the store hands over what it leads.
    await this.#attempt('the cluster port', () => this.#cluster.close());
  }

  /**
   * A plugin that may be cut off from its engine asks to be started again, as soon as the engine has reached it: not earlier, since it
   * disables one that ends before.
   */
  async #requirePropagation(): Promise<void> {
    const { mode, stateDirectory, volumesDirectory } = this.#settings;
    const options = { stateDirectory, directory: volumesDirectory, logger: this.#logger };
    if (mode === 'managed' && (await mayBeCutOff(options))) {
      this.#plugin.once('connection', () =>
        this.#onFault(
          new CofferError('volume.unavailable', 'the engine may not see what this process mounts for it'),
        ),
      );
    }
  }

  /** The others refuse this node already: it lets go of all that it has of theirs. */
  #onRemoved(reason: CofferError): void {
    this.#delivery.withdraw(reason);
    void this.#keeper.withdraw(reason);
  }

  /** A node whose keys are sealed does not know its cluster. */
  #admin(): ClusterAdmin {
    const { reason } = this.#keeper;
    if (reason !== undefined && isLocked(reason)) {
      throw reason;
    }
    return this.#cluster.admin();
  }

  /** A part that does not stop must not keep the store from being closed. */
  async #attempt(part: string, stop: () => Promise<void>): Promise<void> {
    try {
      await withDeadline(stop(), STEP_TIMEOUT_MS, 'internal.unexpected', `${part} did not stop in time`);
    } catch (thrown) {
      this.#logger.warn('stopping goes on', { reason: CofferError.from(thrown).message });
    }
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
