// SPDX-License-Identifier: Apache-2.0
// What goes on while this manager leads: facts come from everywhere, and nodes are sent what they are due.
import { CofferError, type Logger } from '../common/index.ts';
import type { SwarmSource } from '../engine/index.ts';
import type { SecretStore } from '../store/index.ts';
import type { Clock, Timer } from '../transport/index.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { TurnValues } from './dispatcher/turn-values.ts';
import { reasonFor } from './dispatcher/reason.ts';
import { holdersOf, type NodeHoldings } from './node-holdings.ts';
import { NodePlans } from './node-plans.ts';
import { indexSwarm, type PlanIndex, WITHOUT_SWARM } from './planner.ts';
import type { NodeFacts } from './protocol.ts';

export interface LeadershipOptions {
  /** Its time is that of `SwarmSnapshot.begunAt_ms`. */
  readonly clock: Clock;
  readonly logger: Logger;
  readonly swarm: SwarmSource;
  readonly store: Pick<SecretStore, 'byId' | 'byName' | 'cluster' | 'readBarrier' | 'readValue'>;
  /** Calls back after secrets were put or removed; returns what ends that. Likewise the other one. */
  readonly watchSecrets: (listener: (secretIds: ReadonlySet<string>) => void) => () => void;
  /** After objects of the cluster have changed. */
  readonly watchCluster: (listener: () => void) => () => void;
  /** Told of each value that is about to be sent to a node. */
  readonly onDelivery?: (secretId: string, version: number, nodeId: string) => void;
  /** Whether a volume's driver is coffer. */
  readonly isDriver: (name: string) => boolean;
}

/** As long as one read round may take, and what is waited before the next one. */
const BARRIER_MS = 1_000;
const AGAIN_MS = 100;
/**
 * An engine that starts answers nobody before its containers have started, which may wait for their volumes, and so for the
 * leader: after this long it goes by grants alone.
 */
const SWARM_WAIT_MS = 1_000;
/** Plans are made for so long at a time: then it is somebody else's turn. */
const TURN_MS = 10;

/** One time of leading, from `start` to `close`. */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #plans: NodePlans;
  readonly #values: TurnValues;
  readonly dispatcher: Dispatcher;
  readonly #watches: (() => void)[] = [];
  readonly #begunAt_ms: number;
  /** Whether this node's state has all that the leaders before have acknowledged. */
  #caughtUp = false;
  /** Undefined until the swarm is known, or was waited for: no plan takes anything away on half of the facts. */
  #index: PlanIndex | undefined;
  #patience: Timer | undefined;
  readonly #due = new Set<string>();
  #timer: Timer | undefined;
  #ended = false;

  constructor(options: LeadershipOptions) {
    const { clock, logger, store } = options;
    this.#options = options;
    this.#begunAt_ms = clock.now_ms();
    this.#plans = new NodePlans(store);
    this.#values = new TurnValues((secretId, version) => store.readValue(secretId, version));
    this.dispatcher = new Dispatcher({
      clock,
      logger,
      readValue: (secretId, version, nodeId) => {
        options.onDelivery?.(secretId, version, nodeId);
        return this.#values.read(secretId, version);
      },
      onFacts: ({ nodeId }, facts) => this.#told(nodeId, facts),
      onGone: (nodeId) => {
        this.#plans.forget(nodeId);
        this.#due.delete(nodeId);
      },
    });
  }

  start(): void {
    const { swarm, watchCluster, watchSecrets } = this.#options;
    this.#watches.push(
      swarm.watch(() => this.#carefully(() => this.#swarmChanged())),
      watchSecrets((secretIds) => this.#carefully(() => this.#secretsChanged(secretIds))),
      watchCluster(() => this.#carefully(() => this.#clusterChanged())),
    );
    swarm.refresh();
    void this.#catchUp();
  }

  close(reason: CofferError): void {
    this.#ended = true;
    this.#watches.forEach((end) => end());
    this.#timer?.cancel();
    this.#patience?.cancel();
    this.#values.wipe();
    this.dispatcher.close(reason);
  }

  /** Of the nodes that have acknowledged something. */
  holdings(): readonly NodeHoldings[] {
    return this.dispatcher.carriedOut().map(({ peer, plan }) => ({
      ...peer,
      holders: holdersOf(plan, this.#plans.containersOf(peer.nodeId)),
    }));
  }

  /** What a new leader has applied may lack what the one before it has acknowledged last. */
  async #catchUp(): Promise<void> {
    try {
      while (!this.#ended && (await this.#options.store.readBarrier(BARRIER_MS)) !== 'linearizable') {
        await new Promise<void>((resolve) => void this.#options.clock.setTimer(AGAIN_MS, resolve));
      }
      if (this.#ended) {
        return;
      }
      this.#caughtUp = true;
      this.#patience = this.#options.clock.setTimer(SWARM_WAIT_MS, () =>
        this.#carefully(() => this.#goWithoutSwarm()),
      );
      this.#carefully(() => this.#swarmChanged());
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #secretsChanged(secretIds: ReadonlySet<string>): void {
    // One of them may be gone.
    this.#values.wipe();
    this.#dueAgain(this.#plans.withSecrets(secretIds));
  }

  #swarmChanged(): void {
    const snapshot = this.#options.swarm.snapshot();
    // One from before may be as old as the last time that this node led.
    const isOld = snapshot !== undefined && snapshot !== 'unknown' && snapshot.begunAt_ms < this.#begunAt_ms;
    if (this.#caughtUp && !this.#ended && snapshot !== 'unknown' && !isOld) {
      const before = this.#index;
      this.#index = indexSwarm(snapshot, this.#options.isDriver);
      this.#dueAgain(this.#plans.withSwarm(before, this.#index));
    }
  }

  #goWithoutSwarm(): void {
    if (this.#index === undefined) {
      this.#options.logger.warn('the swarm is not known yet: nodes are told of grants alone', {});
      this.#index = WITHOUT_SWARM;
      this.#dueAgain(this.#plans.withSwarm(undefined, WITHOUT_SWARM));
    }
  }

  #clusterChanged(): void {
    const { changed, gone } = this.#plans.withCluster();
    for (const nodeId of gone) {
      this.dispatcher.disconnect(
        nodeId,
        new CofferError('cluster.node-removed', 'the node was removed from the cluster'),
      );
    }
    this.#dueAgain(changed);
  }

  /** A container may wait for the answer: it is given at once, if the facts are there. */
  #told(nodeId: string, facts: NodeFacts): void {
    this.#plans.tell(nodeId, facts, this.#options.clock.now_ms());
    if (this.#index !== undefined) {
      this.#due.delete(nodeId);
      this.#planNow(nodeId, this.#index);
      if (this.#plans.awaitsSwarm(nodeId)) {
        this.#options.swarm.refresh();
      }
    }
  }

  /** Several changes of one moment make one plan. */
  #dueAgain(nodeIds: readonly string[]): void {
    nodeIds.forEach((nodeId) => this.#due.add(nodeId));
    if (this.#due.size > 0 && this.#index !== undefined && !this.#ended) {
      this.#timer ??= this.#options.clock.setTimer(0, () => {
        this.#timer = undefined;
        this.#carefully(() => this.#planSome());
      });
    }
  }

  #planSome(): void {
    const { clock } = this.#options;
    const end_ms = clock.now_ms() + TURN_MS;
    for (const nodeId of this.#due) {
      if (this.#index === undefined || clock.now_ms() > end_ms) {
        break;
      }
      this.#due.delete(nodeId);
      this.#planNow(nodeId, this.#index);
    }
    this.#dueAgain([]);
  }

  #planNow(nodeId: string, index: PlanIndex): void {
    const plan = this.#plans.plan(nodeId, index);
    if (plan !== undefined) {
      this.dispatcher.update(new Map([[nodeId, plan]]));
    }
  }

  #carefully(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Without a store there is no plan. Nodes keep what they have, and come again. */
  #fail(thrown: unknown): void {
    if (!this.#ended) {
      const reason = reasonFor(thrown);
      this.#options.logger.warn('what nodes are due cannot be planned', { why: reason.detail });
      this.dispatcher.close(reason);
    }
  }
}
