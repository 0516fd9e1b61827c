// SPDX-License-Identifier: Apache-2.0
// What memory holds of the state: the metadata of every secret, who was given which version, and which requests were
// applied.
import { CofferError, invariant } from '../../common/index.ts';
import { ClusterIndex } from '../../membership/index.ts';
import {
  type AppliedRequest,
  type Effect,
  nameKey,
  type Secret,
  type SecretsView,
} from '../../secrets/index.ts';
import { DeliveryRing } from './delivery-ring.ts';
import { ShardedMap } from './sharded-map.ts';

/** The secrets as they were on the disk at one moment. */
export interface StoredSecrets {
  readonly count: number;
  byId(id: string): Secret | undefined;
  /** `folded` is what `nameKey` makes of a name. */
  byName(folded: string): Secret | undefined;
}

/** What an index knows while it still lacks some of the secrets. */
interface Loading {
  readonly stored: StoredSecrets;
  size: number;
  /** Secrets that were removed since: the disk still has them. */
  readonly removed: Set<string>;
}

/**
 * The index of the applied state. Values are not in it. One that is made over `StoredSecrets` is whole after `loaded`:
 * until then it asks the disk for what it has not met yet, and takes up changes as ever. What it was told itself
 * counts before what the disk says.
 */
export class SecretIndex implements SecretsView {
  readonly #byId = new ShardedMap<Secret>();
  readonly #byName = new ShardedMap<Secret>();
  readonly #byEngineId = new ShardedMap<Secret>();
  #loading: Loading | undefined;
  readonly deliveries = new DeliveryRing();
  readonly #requestSlots: AppliedRequest[] = [];
  readonly #requests = new Map<string, AppliedRequest>();
  #requestsApplied = 0;
  /** The objects of the cluster, all of them from the beginning. */
  readonly cluster = new ClusterIndex();

  constructor(stored?: StoredSecrets) {
    this.#loading = stored && { stored, size: stored.count, removed: new Set() };
  }

  get size(): number {
    return this.#loading?.size ?? this.#byId.size;
  }

  get deliveriesRecorded(): number {
    return this.deliveries.recorded;
  }

  get requestsApplied(): number {
    return this.#requestsApplied;
  }

  byId(id: string): Secret | undefined {
    const known = this.#byId.get(id);
    if (known !== undefined || this.#loading === undefined || this.#loading.removed.has(id)) {
      return known;
    }
    return this.#keep(this.#loading.stored.byId(id));
  }

  byName(name: string): Secret | undefined {
    const folded = nameKey(name);
    const known = this.#byName.get(folded);
    if (known !== undefined || this.#loading === undefined) {
      return known;
    }
    const stored = this.#loading.stored.byName(folded);
    return stored === undefined || this.#loading.removed.has(stored.id) ? undefined : this.#keep(stored);
  }

  /** Throws `store.starting` until the index is whole. */
  byEngineId(engineId: string): Secret | undefined {
    this.#requireWhole();
    return this.#byEngineId.get(engineId);
  }

  /** Throws `store.starting` until the index is whole. */
  list(): readonly Secret[] {
    this.#requireWhole();
    return this.#byId.values();
  }

  requestById(id: string): AppliedRequest | undefined {
    return this.#requests.get(id);
  }

  /** What stands in `count` slots from `slot` on, as far as they were ever used; the next one for a slot takes its place. */
  requestsFrom(slot: number, count: number): readonly AppliedRequest[] {
    return this.#requestSlots.slice(slot, slot + count);
  }

  /** Takes up an effect of the state machine; those on values leave the index as it is. */
  apply(effect: Effect): void {
    switch (effect.kind) {
      case 'put-secret':
        this.#put(effect.secret);
        break;
      case 'delete-secret':
        this.#delete(effect.secret);
        break;
      case 'put-delivery':
        this.deliveries.record(effect.slot, effect.delivery);
        break;
      case 'put-request':
        this.#putRequest(effect.slot, effect.request);
        this.#requestsApplied += 1;
        break;
      case 'put-object':
      case 'delete-object':
        this.cluster.apply(effect);
        break;
      case 'put-value':
      case 'copy-value':
      case 'delete-value':
        break;
    }
  }

  /** Brings in a secret from the disk. What was put or removed since stays as it is. */
  load(secret: Secret): void {
    const { id, name, engine } = secret;
    if (this.#byId.has(id) || this.#loading?.removed.has(id) === true) {
      return;
    }
    this.#byId.set(id, secret);
    this.#byName.set(nameKey(name), secret);
    if (engine !== undefined && !this.#byEngineId.has(engine.secretId)) {
      this.#byEngineId.set(engine.secretId, secret);
    }
  }

  /** All secrets were brought in. */
  loaded(): void {
    invariant(this.size === this.#byId.size, 'an index that is loaded holds as many secrets as there are');
    this.#loading = undefined;
  }

  /** Puts back the requests that were read from the disk, in the order of their slots, of `applied` that ever were. */
  restoreRequests(requests: readonly AppliedRequest[], applied: number): void {
    for (const [slot, request] of requests.entries()) {
      this.#putRequest(slot, request);
    }
    this.#requestsApplied = applied;
  }

  #requireWhole(): void {
    if (this.#loading !== undefined) {
      throw new CofferError(
        'store.starting',
        'coffer has just started and is still loading its index: until then it knows secrets by their names alone',
        { hint: 'Try again in a moment; docker coffer status says how far it is.' },
      );
    }
  }

  #keep(stored: Secret | undefined): Secret | undefined {
    if (stored !== undefined) {
      this.load(stored);
    }
    return stored;
  }

  #put(secret: Secret): void {
    const previous = this.byId(secret.id);
    if (previous === undefined && this.#loading !== undefined) {
      this.#loading.size += 1;
    }
    this.#unbind(previous);
    this.#byId.set(secret.id, secret);
    this.#byName.set(nameKey(secret.name), secret);
    if (secret.engine !== undefined) {
      this.#byEngineId.set(secret.engine.secretId, secret);
    }
  }

  #delete({ id, name }: Secret): void {
    const previous = this.byId(id);
    if (previous !== undefined && this.#loading !== undefined) {
      this.#loading.size -= 1;
      this.#loading.removed.add(id);
    }
    this.#unbind(previous);
    this.#byId.delete(id);
    this.#byName.delete(nameKey(name));
  }

  #unbind(secret: Secret | undefined): void {
    const engineId = secret?.engine?.secretId;
    if (engineId !== undefined && this.#byEngineId.get(engineId)?.id === secret?.id) {
      this.#byEngineId.delete(engineId);
    }
  }

  #putRequest(slot: number, request: AppliedRequest): void {
    const forgotten = this.#requestSlots[slot];
    if (forgotten !== undefined) {
      this.#requests.delete(forgotten.id);
    }
    this.#requestSlots[slot] = request;
    this.#requests.set(request.id, request);
  }
}
