// SPDX-License-Identifier: Apache-2.0
// One direction between two nodes: how long a message takes, and whether it arrives at all.
import type { RandomStream } from '../kernel/random-stream.ts';

/** The usual behaviour of all links, drawn for each seed. */
export interface NetworkTraits {
  /** Messages on one link arrive in the order in which they were sent, as on one connection. */
  readonly ordered: boolean;
  readonly loss: number;
  readonly duplication: number;
  readonly delay_us: number;
  /** How much longer the slowest ones take. */
  readonly spread: number;
  readonly bytes_per_ms: number;
}

const CALM = { delay_us: 1_000, spread: 3, bytes_per_ms: 10_000 } as const;

/** The state of one direction. */
export class Link {
  readonly #random: RandomStream;
  #traits: NetworkTraits;
  /** Nothing gets through. */
  cut = false;
  /** What is sent waits; it arrives when this ends. */
  clogged = false;
  slowness = 1;
  extraLoss = 0;
  #lastArrival_us = 0;

  constructor(random: RandomStream, traits: NetworkTraits) {
    this.#random = random;
    this.#traits = traits;
  }

  /** From now on nothing is lost or sent twice, and all comes within a time in which leaders can be elected. */
  calm(): void {
    const { delay_us, spread, bytes_per_ms } = this.#traits;
    this.#traits = {
      ...this.#traits,
      loss: 0,
      duplication: 0,
      delay_us: Math.min(delay_us, CALM.delay_us),
      spread: Math.min(spread, CALM.spread),
      bytes_per_ms: Math.max(bytes_per_ms, CALM.bytes_per_ms),
    };
  }

  heal(): void {
    this.cut = false;
    this.clogged = false;
    this.slowness = 1;
    this.extraLoss = 0;
  }

  /** Whether a message that is sent now is lost on its way. */
  loses(): boolean {
    return this.cut || this.#random.chance(this.#traits.loss + this.extraLoss);
  }

  duplicates(): boolean {
    return this.#random.chance(this.#traits.duplication);
  }

  /** How long a message of this size takes that is sent at `now_us`. */
  delay_us(now_us: number, size_bytes: number): number {
    const { delay_us, spread, bytes_per_ms, ordered } = this.#traits;
    const own_us =
      this.slowness * (delay_us * this.#random.magnitude(1, spread) + (size_bytes * 1_000) / bytes_per_ms);
    if (!ordered) {
      return own_us;
    }
    this.#lastArrival_us = Math.max(this.#lastArrival_us, now_us + own_us);
    return this.#lastArrival_us - now_us;
  }
}
