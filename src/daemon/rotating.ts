// SPDX-License-Identifier: Apache-2.0
// Rotations at this manager: begun here whoever leads, and carried out here, or begun by themselves, while it does.
import { setTimeout as pause } from 'node:timers/promises';
import type { Auditor } from '../audit/index.ts';
import { CofferError, type Logger, type SecretValue } from '../common/index.ts';
import { type EngineClient, type EngineSecret, isSameDriver } from '../engine/index.ts';
import type { NodeObject, RotationObject } from '../membership/index.ts';
import {
  beginRotation,
  makeValue,
  RotationLoop,
  RotationRunner,
  RotationSchedule,
  SCHEDULE_LOOK_MS,
  type RotationWish,
  type SourcedSecret,
  type ValueSource,
} from '../rotation/index.ts';
import { LABELS, nameKey, type Secret, storeNameOf } from '../secrets/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import { type AuditedBy, auditedSource } from './audited-store.ts';
import { readRotationFacts, type RotationFacts } from './doctor-rotations.ts';

export interface RotatingOptions {
  readonly engine: EngineClient;
  readonly driverName: () => string;
  readonly audit: Auditor;
  readonly now_ms: () => number;
  readonly monotonic_ms: () => number;
  readonly logger: Logger;
}

export class Rotating {
  readonly #options: RotatingOptions;
  #store: ReplicatedStore | undefined;
  #schedule: RotationSchedule | undefined;

  constructor(options: RotatingOptions) {
    this.#options = options;
  }

  /** What is returned ends it, before the store is closed. */
  attach(store: ReplicatedStore): () => void {
    const { audit, engine, logger, monotonic_ms, now_ms } = this.#options;
    const { replica } = store;
    const audited = auditedSource(() => store, audit, 'rotation')();
    this.#store = store;
    const leads = (): boolean =>
      this.#store === store && replica.ended === undefined && replica.leader === replica.identity.raftId;
    const runner = new RotationRunner({ swarm: engine, store: audited, leads, now_ms, monotonic_ms, logger });
    const loop = new RotationLoop({ runner, pause: (duration_ms) => pause(duration_ms), logger });
    const begin = (wish: RotationWish): Promise<RotationObject> => this.#begin(store, wish, 'schedule');
    const make = (source: ValueSource): Promise<SecretValue> =>
      makeValue(auditedSource(() => store, audit, 'schedule')(), source, now_ms());
    const schedule = new RotationSchedule({ store, leads, begin, make, now_ms, monotonic_ms, logger });
    this.#schedule = schedule;
    const wake = (): void => loop.wake();
    const look = (): void => void schedule.look();
    const onLeader = (): void => {
      wake();
      look();
    };
    const unwatch = replica.watch({ onClusterChange: wake, onLeader });
    const timer = setInterval(look, SCHEDULE_LOOK_MS).unref();
    onLeader();
    return () => {
      unwatch();
      clearInterval(timer);
      loop.stop();
      this.#store = undefined;
      this.#schedule = undefined;
    };
  }

  /** What doctor looks at. Throws `store.unavailable` while the store does not serve. */
  facts(): RotationFacts {
    const store = this.#servingStore();
    const leader = store.cluster.nodeByRaftId(store.replica.leader);
    return readRotationFacts(store, this.#schedule?.refused ?? [], leader?.hostname);
  }

  #servingStore(): ReplicatedStore {
    if (this.#store === undefined) {
      throw new CofferError('store.unavailable', 'the store does not serve');
    }
    return this.#store;
  }

  /** See `beginRotation`. */
  async begin(wish: RotationWish): Promise<RotationObject> {
    return this.#begin(this.#servingStore(), wish, 'control');
  }

  async #begin(store: ReplicatedStore, wish: RotationWish, by: AuditedBy): Promise<RotationObject> {
    const { audit, driverName, engine, now_ms } = this.#options;
    return beginRotation(
      {
        engine,
        store: auditedSource(() => store, audit, by)(),
        sourcesOf: (secret, listed) => sourcesOf(secret, listed, driverName()),
        leader: () => leaderOf(store),
        now_ms,
      },
      wish,
    );
  }
}

function leaderOf({ cluster, replica }: ReplicatedStore): NodeObject | 'this-node' | undefined {
  return replica.leader === replica.identity.raftId ? 'this-node' : cluster.nodeByRaftId(replica.leader);
}

/** The secrets of the engine that take their value from this one. */
function sourcesOf(
  secret: Secret,
  listed: readonly EngineSecret[],
  driverName: string,
): readonly SourcedSecret[] {
  return listed
    .filter(
      (one) =>
        one.driver !== undefined &&
        isSameDriver(one.driver, driverName) &&
        nameKey(storeNameOf(one)) === nameKey(secret.name),
    )
    .map(({ id, labels }) => ({ id, wanted: labels[LABELS.version] ?? 'current' }));
}
