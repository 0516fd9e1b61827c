// SPDX-License-Identifier: Apache-2.0
// The deliveries that are remembered: the last `DELIVERIES_KEPT` ones, each in a slot that the next one for it takes.
import { type Delivery, DELIVERIES_KEPT, deliveryKey, unpinnedKey } from '../../secrets/index.ts';

export class DeliveryRing {
  readonly #slots: Delivery[] = [];
  /** Of what stands in each slot: to make a key anew costs more than to keep it. */
  readonly #keys: string[] = [];
  /** The slot of the last delivery under each key. */
  readonly #last = new Map<string, number>();
  #recorded = 0;

  /** How many there ever were. */
  get recorded(): number {
    return this.#recorded;
  }

  /** What stands in `count` slots from `slot` on, as far as they were ever used. */
  from(slot: number, count: number): readonly Delivery[] {
    return this.#slots.slice(slot, slot + count);
  }

  /** Oldest first. */
  list(): readonly Delivery[] {
    const oldest = this.#recorded > DELIVERIES_KEPT ? this.#recorded % DELIVERIES_KEPT : 0;
    return [...this.#slots.slice(oldest), ...this.#slots.slice(0, oldest)];
  }

  /** The version that the task was given last without a pin. */
  deliveredVersion(taskId: string, secretId: string): number | undefined {
    return this.versionUnder(unpinnedKey(taskId, secretId));
  }

  /** The version of the last delivery under this key. */
  versionUnder(key: string): number | undefined {
    const slot = this.#last.get(key);
    return slot === undefined ? undefined : this.#slots[slot]?.version;
  }

  record(slot: number, delivery: Delivery): void {
    this.#put(slot, delivery);
    this.#recorded += 1;
  }

  /** Puts back what was read from the disk, in the order of the slots, of `recorded` that ever were. */
  restore(deliveries: readonly Delivery[], recorded: number): void {
    this.#slots.push(...deliveries);
    this.#keys.push(...deliveries.map(deliveryKey));
    this.#recorded = recorded;
    // In the order in which they were recorded: of two under one key the later one counts.
    const oldest = recorded > DELIVERIES_KEPT ? recorded % DELIVERIES_KEPT : 0;
    for (let offset = 0; offset < deliveries.length; offset += 1) {
      const slot = (oldest + offset) % deliveries.length;
      const key = this.#keys[slot];
      if (key !== undefined) {
        this.#last.set(key, slot);
      }
    }
  }

  #put(slot: number, delivery: Delivery): void {
    const evicted = this.#keys[slot];
    if (evicted !== undefined && this.#last.get(evicted) === slot) {
      this.#last.delete(evicted);
    }
    const key = deliveryKey(delivery);
    this.#slots[slot] = delivery;
    this.#keys[slot] = key;
    this.#last.set(key, slot);
  }
}
