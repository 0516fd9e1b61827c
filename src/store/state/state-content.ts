// SPDX-License-Identifier: Apache-2.0
// What an effect changes: the index in memory, the records on the disk, and the digest over those.
import { invariant, unreachable } from '../../common/index.ts';
import { type ClusterObject, encodeObject, objectKey } from '../../membership/index.ts';
import {
  type AppliedRequest,
  type Delivery,
  type Effect,
  nameKey,
  type Secret,
} from '../../secrets/index.ts';
import { encodeSecret, encodeSecretName } from './record-codec.ts';
import { type AddedByPages, DELIVERY_RING, REQUEST_RING, RingPages } from './ring-pages.ts';
import type { SecretIndex } from './secret-index.ts';
import type { StateDigest } from './state-digest.ts';
import type { StateKeys, StateKind } from './state-keys.ts';

/** What is to stand under a key, not sealed yet; undefined for nothing. */
export interface RecordChange {
  readonly key: Buffer;
  readonly payload: Buffer | undefined;
}

/** What a state consists of in memory. A snapshot that is taken over replaces it as a whole. */
export class StateContent {
  readonly keys: StateKeys;
  readonly index: SecretIndex;
  readonly digest: StateDigest;
  readonly #deliveries: RingPages<Delivery>;
  readonly #requests: RingPages<AppliedRequest>;

  constructor(keys: StateKeys, index: SecretIndex, digest: StateDigest, added: AddedByPages) {
    this.keys = keys;
    this.index = index;
    this.digest = digest;
    const deliveriesFrom = (slot: number, count: number): readonly Delivery[] =>
      index.deliveries.from(slot, count);
    const requestsFrom = (slot: number, count: number): readonly AppliedRequest[] =>
      index.requestsFrom(slot, count);
    this.#deliveries = new RingPages(DELIVERY_RING, deliveriesFrom, digest, added.delivery);
    this.#requests = new RingPages(REQUEST_RING, requestsFrom, digest, added.request);
  }

  /** Brings the digest up to date, and returns the records that no effect has returned: those of deliveries and requests. */
  settle(): readonly RecordChange[] {
    const { keys } = this;
    return [
      ...this.#deliveries
        .settle()
        .map(({ page, payload }) => ({ key: keys.page('delivery', page), payload })),
      ...this.#requests.settle().map(({ page, payload }) => ({ key: keys.page('request', page), payload })),
    ];
  }

  /** Takes up an effect, and returns the records that it changes, but for those that `settle` does. */
  take(effect: Effect): readonly RecordChange[] {
    const changes = this.#changesOf(effect);
    this.index.apply(effect);
    return changes;
  }

  #changesOf(effect: Effect): readonly RecordChange[] {
    const { keys } = this;
    switch (effect.kind) {
      case 'put-secret':
        return this.#put(effect.secret);
      case 'delete-secret':
        return this.#delete(effect.secret);
      case 'put-value':
        return [{ key: keys.value(effect.secretId, effect.version), payload: effect.value.expose() }];
      case 'copy-value':
        // Whoever holds the records copies it.
        return [];
      case 'delete-value':
        return [{ key: keys.value(effect.secretId, effect.version), payload: undefined }];
      case 'put-delivery':
        this.#deliveries.touch(effect.slot);
        return [];
      case 'put-request':
        this.#requests.touch(effect.slot);
        return [];
      case 'put-object':
        return [this.#replaceObject(effect.object, encodeObject(effect.object))];
      case 'delete-object':
        return [this.#replaceObject(effect.object, undefined)];
      default:
        return unreachable(effect);
    }
  }

  #put(secret: Secret): readonly RecordChange[] {
    const { keys, index } = this;
    const previous = index.byId(secret.id);
    const key = keys.secret(secret.id);
    if (previous !== undefined) {
      invariant(nameKey(previous.name) === nameKey(secret.name), 'a secret keeps its name');
      return [this.#replace('secret', key, encodeSecret(previous), encodeSecret(secret))];
    }
    return [
      this.#replace('secret', key, undefined, encodeSecret(secret)),
      this.#replace('name', keys.name(nameKey(secret.name)), undefined, encodeSecretName(secret)),
    ];
  }

  #delete(secret: Secret): readonly RecordChange[] {
    const { keys } = this;
    return [
      this.#replace('secret', keys.secret(secret.id), encodeSecret(secret), undefined),
      this.#replace('name', keys.name(nameKey(secret.name)), encodeSecretName(secret), undefined),
    ];
  }

  #replaceObject(object: ClusterObject, payload: Buffer | undefined): RecordChange {
    const { keys, index } = this;
    const name = objectKey(object);
    const previous = index.cluster.at(name);
    const old = previous && encodeObject(previous);
    return this.#replace('object', keys.object(name), old, payload);
  }

  #replace(kind: StateKind, key: Buffer, old: Buffer | undefined, payload: Buffer | undefined): RecordChange {
    if (old !== undefined) {
      this.digest.remove(kind, old);
    }
    if (payload !== undefined) {
      this.digest.add(kind, payload);
    }
    return { key, payload };
  }
}
