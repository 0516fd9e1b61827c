// SPDX-License-Identifier: Apache-2.0
// What memory holds of the state: the metadata of every secret, and who was given which version.
import {
  type Delivery,
  DELIVERIES_KEPT,
  type Effect,
  nameKey,
  type Secret,
  type SecretsView,
} from '../secrets/index.ts';

/** The index of the applied state. Values are not in it. */
export class SecretIndex implements SecretsView {
  readonly #byId = new Map<string, Secret>();
  readonly #byName = new Map<string, Secret>();
  readonly #byEngineId = new Map<string, Secret>();
  readonly #slots = new Map<number, Delivery>();
  readonly #delivered = new Map<string, { readonly slot: number; readonly version: number }>();
  #deliveriesRecorded = 0;

  get size(): number {
    return this.#byId.size;
  }

  get deliveriesRecorded(): number {
    return this.#deliveriesRecorded;
  }

  byId(id: string): Secret | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): Secret | undefined {
    return this.#byName.get(nameKey(name));
  }

  byEngineId(engineId: string): Secret | undefined {
    return this.#byEngineId.get(engineId);
  }

  list(): readonly Secret[] {
    return [...this.#byId.values()];
  }

  deliveredVersion(taskId: string, secretId: string): number | undefined {
    return this.#delivered.get(deliveryKey(taskId, secretId))?.version;
  }

  /** What stands in a delivery slot; the next delivery to that slot takes its place. */
  deliveryAt(slot: number): Delivery | undefined {
    return this.#slots.get(slot);
  }

  /** Takes up an effect of the state machine; those on values leave the index as it is. */
  apply(effect: Effect): void {
    switch (effect.kind) {
      case 'put-secret':
        this.#byId.set(effect.secret.id, effect.secret);
        this.#byName.set(nameKey(effect.secret.name), effect.secret);
        if (effect.secret.engine !== undefined) {
          this.#byEngineId.set(effect.secret.engine.secretId, effect.secret);
        }
        break;
      case 'delete-secret':
        this.#byId.delete(effect.secret.id);
        this.#byName.delete(nameKey(effect.secret.name));
        if (effect.secret.engine !== undefined) {
          this.#byEngineId.delete(effect.secret.engine.secretId);
        }
        break;
      case 'put-delivery':
        this.#putDelivery(effect.slot, effect.delivery);
        this.#deliveriesRecorded += 1;
        break;
      case 'put-value':
      case 'delete-value':
        break;
    }
  }

  /**
   * Puts back the deliveries that were read from the disk, of `recorded` that ever were: in the order in which they
   * were recorded, since of two for the same task and secret the later one counts.
   */
  restoreDeliveries(
    deliveries: readonly { readonly slot: number; readonly delivery: Delivery }[],
    recorded: number,
  ): void {
    const age = (slot: number): number => (recorded - 1 - slot + 2 * DELIVERIES_KEPT) % DELIVERIES_KEPT;
    for (const { slot, delivery } of [...deliveries].sort((a, b) => age(b.slot) - age(a.slot))) {
      this.#putDelivery(slot, delivery);
    }
    this.#deliveriesRecorded = recorded;
  }

  #putDelivery(slot: number, delivery: Delivery): void {
    const evicted = this.#slots.get(slot);
    if (evicted !== undefined) {
      const key = deliveryKey(evicted.taskId, evicted.secretId);
      if (this.#delivered.get(key)?.slot === slot) {
        this.#delivered.delete(key);
      }
    }
    this.#slots.set(slot, delivery);
    this.#delivered.set(deliveryKey(delivery.taskId, delivery.secretId), { slot, version: delivery.version });
  }
}

function deliveryKey(taskId: string, secretId: string): string {
  return `${taskId} ${secretId}`;
}
