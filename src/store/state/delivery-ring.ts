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
  readonly #slots = new Map<number, Delivery>();
  /** The slot of the last delivery under each key. */
  readonly #last = new Map<string, number>();
  #recorded = 0;

  /** How many there ever were. */
  get recorded(): number {
    return this.#recorded;
  }

  at(slot: number): Delivery | undefined {
    return this.#slots.get(slot);
  }

  /** Oldest first. */
  list(): readonly Delivery[] {
    const first = Math.max(0, this.#recorded - DELIVERIES_KEPT);
    return Array.from({ length: this.#recorded - first }, (_, offset) =>
      this.#slots.get((first + offset) % DELIVERIES_KEPT),
    ).filter((delivery) => delivery !== undefined);
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

  /**
   * Puts back what was read from the disk, of `recorded` that ever were: in the order in which they were recorded,
   * since of two under one key the later one counts.
   */
  restore(
    deliveries: readonly { readonly slot: number; readonly delivery: Delivery }[],
    recorded: number,
  ): void {
    const age = (slot: number): number => (recorded - 1 - slot + 2 * DELIVERIES_KEPT) % DELIVERIES_KEPT;
    for (const { slot, delivery } of [...deliveries].sort((a, b) => age(b.slot) - age(a.slot))) {
      this.#put(slot, delivery);
    }
    this.#recorded = recorded;
  }

  #lastUnder(key: string): Delivery | undefined {
    const slot = this.#last.get(key);
    return slot === undefined ? undefined : this.#slots.get(slot);
  }

  #put(slot: number, delivery: Delivery): void {
    const evicted = this.#slots.get(slot);
    if (evicted !== undefined) {
      const key = deliveryKey(evicted);
      if (this.#last.get(key) === slot) {
        this.#last.delete(key);
      }
    }
    this.#slots.set(slot, delivery);
    this.#last.set(deliveryKey(delivery), slot);
  }
}
