// SPDX-License-Identifier: Apache-2.0

/** A handshake takes milliseconds; one that has taken this long gives way to others. */
const STALLED_MS = 1_000;

export interface HandshakeSlotsOptions {
  /** Connections whose owner is not known yet. */
  readonly total: number;
  /** Of these, from one address. */
  readonly perAddress: number;
}

export interface Slot {
  readonly address: string;
  readonly since_ms: number;
  /** Cuts the connection. */
  readonly cut: () => void;
}

/**
 * The places for connections that have not yet shown who they are. When they are all taken, whoever stalls has to go
 * for whoever comes, and then whoever holds most: so that strangers, however many, do not keep members out. A newcomer
 * is turned away only among others like it, so that a storm of honest nodes is served in turn.
 */
export class HandshakeSlots {
  readonly #options: HandshakeSlotsOptions;
  /** Of each address, oldest first. */
  readonly #byAddress = new Map<string, Set<Slot>>();
  /** Oldest first. */
  readonly #all = new Set<Slot>();

  constructor(options: HandshakeSlotsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Whether the newcomer may stay; another one may have been cut for it. */
  take(slot: Slot): boolean {
    const same = this.#byAddress.get(slot.address);
    if ((same?.size ?? 0) >= this.#options.perAddress && !this.#cutStalled(same, slot.since_ms)) {
      return false;
    }
    if (this.#all.size >= this.#options.total && !this.#makeRoom(slot)) {
      return false;
    }
    this.#all.add(slot);
    const own = this.#byAddress.get(slot.address) ?? new Set();
    this.#byAddress.set(slot.address, own.add(slot));
    return true;
  }

  release(slot: Slot): void {
    const own = this.#byAddress.get(slot.address);
    this.#all.delete(slot);
    own?.delete(slot);
    if (own?.size === 0) {
      this.#byAddress.delete(slot.address);
    }
  }

  /** Cuts all that have taken longer than `timeout_ms`. */
  expire(now_ms: number, timeout_ms: number): void {
    for (const slot of this.#all) {
      if (now_ms - slot.since_ms <= timeout_ms) {
        return;
      }
      this.#cut(slot);
    }
  }

  cutAll(): void {
    this.#all.forEach((slot) => this.#cut(slot));
  }

  #makeRoom(newcomer: Slot): boolean {
    if (this.#cutStalled(this.#all, newcomer.since_ms)) {
      return true;
    }
    const own = this.#byAddress.get(newcomer.address)?.size ?? 0;
    const crowds = [...this.#byAddress.values()];
    const largest = crowds.reduce((most, crowd) => (crowd.size > most.size ? crowd : most), new Set<Slot>());
    const [oldest] = largest;
    if (oldest === undefined || largest.size <= own + 1) {
      return false;
    }
    this.#cut(oldest);
    return true;
  }

  #cutStalled(slots: ReadonlySet<Slot> | undefined, now_ms: number): boolean {
    const [oldest] = slots ?? [];
    if (oldest === undefined || now_ms - oldest.since_ms < STALLED_MS) {
      return false;
    }
    this.#cut(oldest);
    return true;
  }

  #cut(slot: Slot): void {
    this.release(slot);
    slot.cut();
  }
}
