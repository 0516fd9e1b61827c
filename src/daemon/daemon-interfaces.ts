// SPDX-License-Identifier: Apache-2.0
// What others reach the daemon by: the engine's plugin socket, coffer's own API, and the gateway with what keeps it in step.
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type ControlServer, createControlServer } from '../control/index.ts';
import { diagnose } from '../diagnosis/index.ts';
import { createGateway, type Gateway, Reconciler } from '../gateway/index.ts';
import { OneShotTasks } from '../engine/index.ts';
import { SwarmImport } from '../import/index.ts';
import { createPluginServer, SecretProvider, VolumeDriver } from '../plugin/index.ts';
import { auditedSource } from './audited-store.ts';
import type { DaemonParts } from './daemon-parts.ts';
import { describeRefusal } from './describe-refusal.ts';
import { examine } from './doctor.ts';
import { usesOf } from './engine-uses.ts';
import { Forcing } from './forcing.ts';
import { readLedger } from './read-ledger.ts';
import { readWhy } from './read-why.ts';
import { secretUses } from './secret-uses.ts';
import { describeDaemon } from './status.ts';
import { describeUpkeep } from './upkeep.ts';
import { version } from './version.ts';
import { volumeReadiness } from './volume-readiness.ts';

export interface DaemonInterfaces {
  readonly provider: SecretProvider;
  readonly plugin: Server;
  readonly control: ControlServer;
  readonly gateway: Gateway;
  readonly reconciler: Reconciler;
}

/** None listens yet. */
export function createInterfaces(parts: DaemonParts): DaemonInterfaces {
  const { auditing, driver, engine, keeper, logger, settings } = parts;
  const { log: audit } = auditing;
  const { loaded, source } = keeper;
  const driverName = driver.current;
  const provider = secretProvider(parts);
  return {
    provider,
    plugin: pluginServer(parts, provider),
    control: controlServer(parts),
    gateway: createGateway({
      engine,
      store: auditedSource(source, audit, 'gateway'),
      storeStarted: async (timeout_ms) => {
        await Promise.all([loaded(timeout_ms), driver.known(timeout_ms)]);
      },
      driverName,
      stackRotation: settings.stackRotation,
      logger,
    }),
    reconciler: new Reconciler({
      engine,
      store: auditedSource(source, audit, 'reconciler'),
      driverName,
      logger,
    }),
  };
}

function secretProvider({ auditing, keeper, logger, now_ms, swarmNodes }: DaemonParts): SecretProvider {
  return new SecretProvider({
    source: auditedSource(keeper.source, auditing.log, 'engine'),
    audit: auditing.log,
    started: keeper.started,
    swarmNode: (id) => swarmNodes.node(id),
    logger,
    now_ms,
  });
}

function pluginServer(
  { auditing, delivery, keeper, logger, monitoring, now_ms, refusals }: DaemonParts,
  provider: SecretProvider,
): Server {
  const { log: audit } = auditing;
  const volumes = new VolumeDriver({
    volumes: delivery,
    ready: volumeReadiness(keeper),
    refusals,
    audit,
    logger,
    now_ms,
  });
  const { instruments: observer } = monitoring;
  return createPluginServer({ provider, volumes, refusals, audit, observer, logger, now_ms });
}

function controlServer(parts: DaemonParts): ControlServer {
  const { admin, auditing, backups, cluster, delivery, drills, engine, keeper } = parts;
  const { logger, now_ms, rebuilding, refusals, report, rotating, unlocking } = parts;
  const { loaded, source } = keeper;
  const driverName = parts.driver.current;
  return createControlServer({
    version,
    store: auditedSource(source, auditing.log, 'control'),
    storeStarted: loaded,
    status: () => describeDaemon(ownState(parts)),
    users: (name) => usesOf(engine, driverName(), name),
    ledger: () => readLedger({ engine, driverName: driverName(), store: source(), delivery }),
    rotate: (wish) => rotating.begin(wish),
    secretUses: () => secretUses(engine, driverName()),
    why: async (name) => {
      const facts = await readWhy({
        engine,
        store: source,
        nodeId: () => cluster.place.nodeId,
        report,
        askOthers: () => cluster.askOthers(),
        volumes: () => delivery.registered(),
        now_ms,
      });
      return diagnose(facts, name);
    },
    refusals: () => refusals.list().map(describeRefusal),
    doctor: () => examine(examined(parts)),
    audit: auditing.admin,
    monitored: parts.monitoring.monitored,
    cluster: admin,
    backups,
    drills,
    unlock: (text) => unlocking.unlock(text, keeper),
    force: new Forcing({
      survivors: () => admin().survivors,
      goOnAlone: (lastEntry) => cluster.goOnAlone(lastEntry),
      keeper,
      logger,
    }),
    rebuild: rebuilding,
    swarmImport: new SwarmImport({
      engine,
      tasks: new OneShotTasks(engine.socketPath),
      store: auditedSource(source, auditing.log, 'control'),
      driverName,
      now_ms,
      monotonic_ms: parts.monotonic_ms,
      pause: (duration_ms) => pause(duration_ms),
      logger,
    }),
    logger,
  });
}

/** What `status` is told from. */
function ownState(parts: DaemonParts): Parameters<typeof describeDaemon>[0] {
  const { auditing, backups, cluster, delivery, driver, engine, keeper, monotonic_ms } = parts;
  return {
    settings: parts.settings,
    engine,
    keeper,
    unlockKeySource: () => parts.unlocking.source,
    peerUnlock: () => parts.peers.state,
    place: () => cluster.place,
    upkeep: () => describeUpkeep(cluster.admin, backups, () => keeper.source().cluster.rotations()),
    delivery,
    audit: auditing,
    driverName: driver.current,
    monotonic_ms,
  };
}

/** What `doctor` looks at. */
function examined(parts: DaemonParts): Parameters<typeof examine>[0] {
  const { auditing, backups, cluster, driver, engine, keeper, peers, rotating, unlocking } = parts;
  const { monitoring, webhook } = parts;
  return {
    keeper,
    unlockKeySource: () => unlocking.source,
    peerUnlock: () => peers.state,
    engine,
    driverName: driver.current,
    monitoringProblem: () => monitoring.problem,
    noticeProblem: () => webhook?.problem,
    rotations: () => rotating.facts(),
    place: () => cluster.place,
    admin: cluster.admin,
    backups: () => backups.describe(),
    audit: auditing,
    staleUnlockKeys: () => unlocking.stalePlaces(),
  };
}
