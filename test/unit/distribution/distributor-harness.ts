// SPDX-License-Identifier: Apache-2.0
// A leader whose store, swarm, clock and nodes are in the test's hands.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CofferError, SecretValue, silentLogger } from '../../../src/common/index.ts';
import { Distributor } from '../../../src/distribution/distributor.ts';
import type { NodeFacts } from '../../../src/distribution/protocol.ts';
import { isSameDriver, type SwarmSnapshot, type SwarmSource } from '../../../src/engine/index.ts';
import type {
  ClusterView,
  GrantObject,
  NodeObject,
  PolicyDefaultObject,
  PolicyRuleObject,
} from '../../../src/membership/index.ts';
import type { Secret } from '../../../src/secrets/index.ts';
import { type Freshness, SecretIndex } from '../../../src/store/index.ts';
import { aNode } from '../../support/cluster-objects.ts';
import { StillClock } from '../../support/still-clock.ts';
import { FarEnd, NO_FACTS } from './dispatcher-harness.ts';

type Swarm = SwarmSnapshot | undefined | 'unknown';

export class SwarmInHand implements SwarmSource {
  readonly #listeners = new Set<() => void>();
  #snapshot: Swarm = 'unknown';
  refreshes = 0;

  snapshot(): Swarm {
    return this.#snapshot;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  refresh(): void {
    this.refreshes += 1;
  }

  become(snapshot: Swarm): void {
    this.#snapshot = snapshot;
    this.#listeners.forEach((listener) => listener());
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}

export class DistributorHarness {
  readonly clock = new StillClock();
  readonly swarm = new SwarmInHand();
  readonly #index = new SecretIndex();
  readonly #secretListeners = new Set<(ids: ReadonlySet<string>) => void>();
  readonly #clusterListeners = new Set<() => void>();
  freshness: Freshness = 'linearizable';
  /** When set, the store answers nothing but this. */
  storeError: CofferError | undefined;
  /** How many values were read. */
  reads = 0;
  /** What was about to be sent: node, secret and version. */
  readonly deliveries: string[] = [];
  /** How often a secret was looked up by its name. */
  lookups = 0;

  readonly distributor = new Distributor({
    clock: this.clock,
    logger: silentLogger,
    swarm: this.swarm,
    onDelivery: (id, version, nodeId) => this.deliveries.push(`${nodeId} ${id} ${version}`),
    store: {
      byId: (id) => this.#store().byId(id),
      byName: (name) => {
        this.lookups += 1;
        return this.#store().byName(name);
      },
      cluster: this.cluster,
      readBarrier: async () => this.freshness,
      readValue: (id, version) => {
        this.reads += 1;
        return SecretValue.copyOf(Buffer.from(`${id} ${version}`));
      },
    },
    watchSecrets: (listener) => {
      this.#secretListeners.add(listener);
      return () => this.#secretListeners.delete(listener);
    },
    watchCluster: (listener) => {
      this.#clusterListeners.add(listener);
      return () => this.#clusterListeners.delete(listener);
    },
    isDriver: (name) => isSameDriver(name, 'coffer'),
  });

  /** A leader of nodes a and b, which has caught up, and whose engine is in no swarm unless it is said to be in one. */
  static async leading(swarm?: Swarm): Promise<DistributorHarness> {
    const harness = new DistributorHarness();
    harness.clock.advance(1_000);
    harness.addNode('a');
    harness.addNode('b');
    harness.put('db');
    harness.put('api');
    harness.distributor.start();
    harness.swarm.become(swarm);
    await harness.settle();
    return harness;
  }

  get cluster(): ClusterView {
    return this.#index.cluster;
  }

  get listeners(): number {
    return this.#secretListeners.size + this.#clusterListeners.size + this.swarm.listeners;
  }

  connect(nodeId = 'a'): FarEnd {
    const peer = { nodeId, hostname: nodeId };
    return new FarEnd().connect((channel) => this.distributor.accept(peer, channel));
  }

  /** Lets everything that goes on by itself come to rest. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 3; rounds += 1) {
      await nextTurn();
      this.clock.advance(0);
      this.clock.advance(20);
    }
  }

  addNode(name: string, rest: Partial<NodeObject> = {}): void {
    this.#index.cluster.put({ ...aNode(name), id: name, engineNodeId: `engine-${name}`, ...rest });
    this.#clusterListeners.forEach((listener) => listener());
  }

  removeNode(name: string): void {
    const object = this.cluster.node(name);
    if (object !== undefined) {
      this.#index.cluster.apply({ kind: 'delete-object', object });
      this.#clusterListeners.forEach((listener) => listener());
    }
  }

  /** Likewise rules of the policy, and its default. */
  grant(object: GrantObject | PolicyRuleObject | PolicyDefaultObject): void {
    this.#index.cluster.put(object);
    this.#clusterListeners.forEach((listener) => listener());
  }

  revoke(object: GrantObject | PolicyRuleObject): void {
    this.#index.cluster.apply({ kind: 'delete-object', object });
    this.#clusterListeners.forEach((listener) => listener());
  }

  /** A new secret, or a new version of one. */
  put(name: string, rest: Partial<Secret> = {}): void {
    const versions = this.#index.byName(name)?.versions ?? [];
    const version = { number: versions.length + 1, createdAt_ms: 0, size: 1 };
    const secret: Secret = {
      id: `id-${name}`,
      name,
      labels: {},
      origin: 'control',
      pending: false,
      engine: undefined,
      versions: [...versions, version],
      destroyed: [],
      createdAt_ms: 0,
      updatedAt_ms: 0,
      modifiedIndex: 1,
      ...rest,
    };
    this.#index.apply({ kind: 'put-secret', secret });
    this.#secretListeners.forEach((listener) => listener(new Set([secret.id])));
  }

  remove(name: string): void {
    const secret = this.#index.byName(name);
    if (secret !== undefined) {
      this.#index.apply({ kind: 'delete-secret', secret });
      this.#secretListeners.forEach((listener) => listener(new Set([secret.id])));
    }
  }

  #store(): SecretIndex {
    if (this.storeError !== undefined) {
      throw this.storeError;
    }
    return this.#index;
  }
}

/** A node that has registered, and has carried out what it was told. */
export async function settled(
  harness: DistributorHarness,
  nodeId = 'a',
  facts: NodeFacts = NO_FACTS,
): Promise<FarEnd> {
  const far = harness.connect(nodeId).register(facts);
  await harness.settle();
  far.acknowledge();
  far.news();
  return far;
}
