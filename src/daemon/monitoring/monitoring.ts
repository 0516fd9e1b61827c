// SPDX-License-Identifier: Apache-2.0
// What is told of this daemon to those who watch it.
import type { ScheduledBackups } from '../../archive/index.ts';
import type { ClusterAdmin, ClusterNode } from '../../cluster/index.ts';
import { CofferError, type Logger, withDeadline } from '../../common/index.ts';
import {
  type HealthFacts,
  type MetricFamily,
  type Monitored,
  MonitoringServer,
} from '../../monitoring/index.ts';
import type { Webhook } from '../../notices/index.ts';
import type { ReplicatedStore } from '../../store/index.ts';
import type { Auditing } from '../auditing.ts';
import type { Delivery } from '../delivery.ts';
import type { Settings } from '../settings.ts';
import type { StoreKeeper } from '../store-keeper.ts';
import { version } from '../version.ts';
import { healthFacts } from './health-facts.ts';
import { Instruments } from './instruments.ts';
import {
  auditFamilies,
  backupFamilies,
  certificateFamilies,
  dataKeyFamilies,
  deliveryFamilies,
  healthFamilies,
  valueFamilies,
  webhookFamilies,
} from './node-families.ts';
import { processFamilies } from './process-families.ts';
import { storeFamilies } from './store-families.ts';

export interface MonitoringOptions {
  readonly settings: Pick<Settings, 'mode' | 'monitoring'>;
  readonly keeper: Pick<StoreKeeper, 'reason' | 'scrub'>;
  readonly cluster: Pick<ClusterNode, 'place' | 'reach'>;
  readonly admin: () => Pick<ClusterAdmin, 'dataKey'>;
  readonly delivery: Pick<Delivery, 'describe' | 'sessions' | 'volumes'>;
  readonly auditing: Pick<Auditing, 'canaries' | 'log'>;
  /** Undefined: no notices are sent. */
  readonly webhook: Pick<Webhook, 'counts' | 'problem'> | undefined;
  readonly backups: Pick<ScheduledBackups, 'describe'>;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

type Families = readonly MetricFamily[];

/** Of a part that looks at the disk. Prometheus waits ten seconds by default. */
const PART_TIMEOUT_MS = 2_000;

export class Monitoring {
  readonly #options: MonitoringOptions;
  readonly instruments = new Instruments();
  readonly #server: MonitoringServer | undefined;
  #store: ReplicatedStore | undefined;
  /** Several who ask at the same time are told the same. */
  #collecting: Promise<Families> | undefined;

  constructor(options: MonitoringOptions) {
    this.#options = options;
    const { logger, settings } = options;
    const { address } = settings.monitoring;
    this.#server =
      address === undefined
        ? undefined
        : new MonitoringServer({ ...address, monitored: this.monitored, logger });
  }

  /** For every socket that monitors are answered on. */
  readonly monitored: Monitored = {
    metrics: () => this.#metrics(),
    health: () => this.#health(),
    now_ms: () => this.#options.now_ms(),
  };

  /** Why the port for monitors does not listen; undefined while it does, or there is to be none. */
  get problem(): string | undefined {
    return this.#server?.problem;
  }

  /** Listens, where a port is set. */
  start(): void {
    this.#server?.start();
  }

  async stop(): Promise<void> {
    await this.#server?.close();
  }

  /** The store serves. What is returned ends that. */
  attach(store: ReplicatedStore): () => void {
    this.#store = store;
    const unwatch = this.instruments.attach(store);
    return () => {
      this.#store = undefined;
      unwatch();
    };
  }

  #health(): HealthFacts {
    const { auditing, cluster, delivery, keeper } = this.#options;
    const { reach } = cluster;
    return healthFacts({
      version,
      keeper,
      store: keeper.reason === undefined ? this.#store : undefined,
      place: cluster.place,
      clusterId: reach?.clusterId,
      knowsLeader: reach?.leader !== undefined,
      isConnected: delivery.describe().manager !== undefined,
      auditProblem: auditing.log.problem?.code,
    });
  }

  #metrics(): Promise<Families> {
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined;
    });
    return this.#collecting;
  }

  async #collect(): Promise<Families> {
    const { auditing, cluster, delivery, keeper, now_ms: clock, settings, webhook } = this.#options;
    const now_ms = clock();
    const { volumes } = delivery;
    const assignments =
      volumes.kind === 'known'
        ? volumes.holdings.flatMap(({ holders }) => holders.flatMap(({ secrets }) => secrets)).length
        : undefined;
    const slow = await Promise.all([
      this.#part(() => this.#storeFamilies(now_ms)),
      this.#part(() => this.#upkeepFamilies(now_ms)),
      this.#part(processFamilies),
    ]);
    return [
      ...healthFamilies(this.#health(), settings.mode),
      ...this.instruments.families(),
      ...auditFamilies(auditing.log.health),
      auditing.canaries.family(),
      ...webhookFamilies(webhook?.counts),
      ...certificateFamilies(cluster.place, now_ms),
      ...deliveryFamilies(delivery.describe(), delivery.sessions, assignments),
      ...valueFamilies(keeper.scrub),
      ...slow.flat(),
    ];
  }

  async #storeFamilies(now_ms: number): Promise<Families> {
    const { keeper, settings } = this.#options;
    const store = keeper.reason === undefined ? this.#store : undefined;
    const { namesSecrets } = settings.monitoring;
    return store === undefined ? [] : storeFamilies({ store, namesSecrets, now_ms });
  }

  async #upkeepFamilies(now_ms: number): Promise<Families> {
    const { admin, backups, keeper } = this.#options;
    if (keeper.reason !== undefined) {
      return [];
    }
    const { madeAt_ms } = admin().dataKey.describe();
    return [...dataKeyFamilies(madeAt_ms, now_ms), ...backupFamilies(await backups.describe(), now_ms)];
  }

  /** A part that fails or hangs is left out. */
  async #part(look: () => Promise<Families>): Promise<Families> {
    try {
      return await withDeadline(look(), PART_TIMEOUT_MS, 'internal.unexpected', 'it takes too long');
    } catch (thrown) {
      const { message } = CofferError.from(thrown);
      this.#options.logger.debug('some metrics are left out', { reason: message });
      return [];
    }
  }
}
