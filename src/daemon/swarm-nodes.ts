// SPDX-License-Identifier: Apache-2.0
// What the engine's swarm says of its nodes, for the rules that name nodes. The leader of the swarm asks for secrets, which need not be the
// manager that leads the cluster: so each manager reads it by itself, while there is such a rule.
import type { Logger } from '../common/index.ts';
import { type EngineClient, type EngineNode, SwarmWatch } from '../engine/index.ts';
import type { Policy } from '../membership/index.ts';
import type { SecretStore } from '../store/index.ts';
import { type Clock, systemClock } from '../transport/index.ts';

/** What was read longer ago is not known any more: it is read every few seconds. */
const KNOWN_MS = 30_000;

export interface SwarmNodesOptions {
  readonly engine: EngineClient;
  readonly logger: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** A store whose policy is followed. */
export interface WatchedStore extends Pick<SecretStore, 'cluster'> {
  readonly replica: {
    watch(watcher: { readonly onClusterChange: () => void; readonly onLeader: () => void }): () => void;
  };
}

export class SwarmNodes {
  readonly #clock: Clock;
  readonly #watch: SwarmWatch;
  #store: WatchedStore | undefined;
  #policy: Policy | undefined;
  /** Of the last reading, which is new each time. */
  #byId: { readonly nodes: readonly EngineNode[]; readonly map: ReadonlyMap<string, EngineNode> } | undefined;

  constructor({ clock = systemClock, engine, logger }: SwarmNodesOptions) {
    this.#clock = clock;
    this.#watch = new SwarmWatch({ client: engine, clock, logger, reads: 'nodes' });
  }

  /** What is returned ends it, before the store is closed. */
  attach(store: WatchedStore): () => void {
    this.#store = store;
    const unwatch = store.replica.watch({ onClusterChange: () => this.#look(), onLeader: () => undefined });
    this.#look();
    return () => {
      unwatch();
      this.#store = undefined;
      this.#look();
    };
  }

  /** By the node's id in the swarm; undefined where it is not known at the moment. Waits for nothing. */
  node(engineNodeId: string): EngineNode | undefined {
    const snapshot = this.#watch.snapshot();
    if (snapshot === undefined || snapshot === 'unknown') {
      return undefined;
    }
    const isOld = this.#clock.now_ms() - snapshot.begunAt_ms > KNOWN_MS;
    return isOld ? undefined : this.#mapOf(snapshot.nodes).get(engineNodeId);
  }

  #mapOf(nodes: readonly EngineNode[]): ReadonlyMap<string, EngineNode> {
    if (this.#byId?.nodes !== nodes) {
      this.#byId = { nodes, map: new Map(nodes.map((node) => [node.id, node] as const)) };
    }
    return this.#byId.map;
  }

  #look(): void {
    const policy = this.#store?.cluster.policy;
    if (policy === this.#policy) {
      return;
    }
    this.#policy = policy;
    if (policy?.rules.some(namesNodes) === true) {
      this.#watch.start();
    } else {
      this.#watch.stop();
    }
  }
}

function namesNodes({ node, nodeLabels }: Policy['rules'][number]): boolean {
  return node !== '' || Object.keys(nodeLabels).length > 0;
}
