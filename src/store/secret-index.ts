// SPDX-License-Identifier: Apache-2.0
// What memory holds of the state: the metadata of every secret, and who was given which version.
import { type Delivery, type Effect, nameKey, type Secret, type SecretsView } from '../secrets/index.ts';

/** The index of the applied state. Values are not in it. */
export class SecretIndex implements SecretsView {
  readonly #byId = new Map<string, Secret>();
  readonly #byName = new Map<string, Secret>();
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
        break;
      case 'delete-secret':
        this.#byId.delete(effect.secret.id);
        this.#byName.delete(nameKey(effect.secret.name));
        break;
      case 'put-delivery':
        this.restoreDelivery(effect.slot, effect.delivery);
        this.#deliveriesRecorded += 1;
        break;
      case 'put-value':
      case 'delete-value':
        break;
    }
  }

  /** Puts a delivery that was read from the disk back into its slot. */
  restoreDelivery(slot: number, delivery: Delivery): void {
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

  /** Goes on counting deliveries from what was read from the disk. */
  restoreDeliveriesRecorded(count: number): void {
    this.#deliveriesRecorded = count;
  }
}

function deliveryKey(taskId: string, secretId: string): string {
  return `${taskId} ${secretId}`;
}
