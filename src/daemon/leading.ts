// SPDX-License-Identifier: Apache-2.0
import type { Auditor } from '../audit/index.ts';
import { CofferError, type Logger } from '../common/index.ts';
import { Distributor } from '../distribution/index.ts';
import { type EngineClient, isSameDriver, SwarmWatch } from '../engine/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import { type Channel, type ChannelEvents, systemClock } from '../transport/index.ts';
import type { VolumeKnowledge } from './read-ledger.ts';

export interface LeadingOptions {
  readonly audit: Auditor;
  readonly engine: EngineClient;
  readonly driverName: () => string;
  readonly logger: Logger;
}

/** Distribution at this manager: it is at work while the store serves and this manager leads. */
export class Leading {
  readonly #options: LeadingOptions;
  readonly #swarm: SwarmWatch;
  #store: ReplicatedStore | undefined;
  #distributor: Distributor | undefined;
  #leads = false;

  constructor(options: LeadingOptions) {
    this.#options = options;
    const { engine, logger } = options;
    this.#swarm = new SwarmWatch({ client: engine, logger });
  }

  /** What is returned ends it, before the store is closed. */
  attach(store: ReplicatedStore): () => void {
    const { audit, driverName, logger } = this.#options;
    const { replica } = store;
    this.#store = store;
    this.#distributor = new Distributor({
      clock: systemClock,
      logger,
      swarm: this.#swarm,
      store,
      watchSecrets: (listener) => replica.secretChanges.watch(listener),
      watchCluster: (listener) => replica.watch({ onClusterChange: listener, onLeader: () => undefined }),
      onDelivery: (secretId, version, to) =>
        audit.record('deliver', { secret: store.byId(secretId)?.name, version, to, by: 'volume' }),
      isDriver: (name) => isSameDriver(name, driverName()),
    });
    const unwatch = replica.watch({ onClusterChange: () => undefined, onLeader: () => this.#look() });
    this.#look();
    return () => {
      unwatch();
      this.stop();
    };
  }

  stop(): void {
    this.#distributor?.stop();
    this.#distributor = undefined;
    this.#store = undefined;
    this.#look();
  }

  /** A node has connected, whose certificate and name are believed. Throws `cluster.not-leader` unless this manager leads. */
  accept(nodeId: string, channel: Channel): ChannelEvents {
    if (this.#distributor === undefined) {
      throw new CofferError('cluster.not-leader', 'this manager does not lead the cluster');
    }
    return this.#distributor.accept({ nodeId, hostname: this.nameOf(nodeId) }, channel);
  }

  /** Why nodes are not told what they are due, while this manager leads. */
  get problem(): CofferError | undefined {
    return this.#swarm.problem;
  }

  get sessions(): number | undefined {
    return this.#leads ? this.#distributor?.list().length : undefined;
  }

  /** What nodes have in volumes, or who knows. */
  get volumes(): VolumeKnowledge {
    const holdings = this.#distributor?.holdings();
    return holdings === undefined
      ? { kind: 'elsewhere', leader: this.#leader() }
      : { kind: 'known', holdings };
  }

  #leader(): string | undefined {
    const replica = this.#store?.replica;
    const node = this.#store?.cluster
      .nodes()
      .find(({ raftId }) => raftId !== 0 && raftId === replica?.leader);
    return node && this.nameOf(node.id);
  }

  /** A node's hostname where the state tells it, else its id. */
  nameOf(nodeId: string): string {
    return this.#store?.cluster.node(nodeId)?.hostname ?? nodeId;
  }

  #look(): void {
    const replica = this.#store?.replica;
    const leads = replica !== undefined && replica.leader === replica.identity.raftId;
    if (leads === this.#leads) {
      return;
    }
    this.#leads = leads;
    if (leads) {
      this.#swarm.start();
      this.#distributor?.start();
    } else {
      this.#swarm.stop();
      this.#distributor?.stop();
    }
  }
}
