// SPDX-License-Identifier: Apache-2.0
// The deliveries that are remembered: the last `DELIVERIES_KEPT` ones, each in a slot that the next one for it takes.
import {
  type DeliveredVersion,
  type Delivery,
  DELIVERIES_KEPT,
  deliveryKey,
  unpinnedKey,
} from '../../secrets/index.ts';

export class DeliveryRing {
  readonly #slots: Delivery[] = [];
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
    return this.#lastUnder(unpinnedKey(taskId, secretId))?.version;
  }

  /** Whether the same was recorded before, and nothing since that stands for it. */
  has(delivery: DeliveredVersion): boolean {
    return this.#lastUnder(deliveryKey(delivery))?.version === delivery.version;
  }

  record(slot: number, delivery: Delivery): void {
    this.#put(slot, delivery);
    this.#recorded += 1;
  }

  /** Puts back what was read from the disk, in the order of the slots, of `recorded` that ever were. */
  restore(deliveries: readonly Delivery[], recorded: number): void {
    this.#slots.push(...deliveries);
    this.#recorded = recorded;
    // In the order in which they were recorded: of two under one key the later one counts.
    const oldest = recorded > DELIVERIES_KEPT ? recorded % DELIVERIES_KEPT : 0;
    for (let offset = 0; offset < deliveries.length; offset += 1) {
      const slot = (oldest + offset) % deliveries.length;
      const delivery = deliveries[slot];
      if (delivery !== undefined) {
        this.#last.set(deliveryKey(delivery), slot);
      }
    }
  }

  #lastUnder(key: string): Delivery | undefined {
    const slot = this.#last.get(key);
    return slot === undefined ? undefined : this.#slots[slot];
  }

  #put(slot: number, delivery: Delivery): void {
    const evicted = this.#slots[slot];
    if (evicted !== undefined) {
      const key = deliveryKey(evicted);
      if (this.#last.get(key) === slot) {
        this.#last.delete(key);
      }
    }
    this.#slots[slot] = delivery;
    this.#last.set(deliveryKey(delivery), slot);
  }
}
