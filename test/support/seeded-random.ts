// SPDX-License-Identifier: Apache-2.0
// Random choices that can be made again: a test prints its seed, and TEST_SEED gives it back.

const DEFAULT_SEED = 20_240_229;

/** A small, fast generator (mulberry32). For tests' choices, never for keys. */
export class SeededRandom {
  readonly seed: number;
  #state: number;

  constructor(seed: number = Number(process.env['TEST_SEED'] ?? DEFAULT_SEED)) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** For `t.diagnostic`. */
  get description(): string {
    return `seed ${this.seed} (TEST_SEED=${this.seed} repeats it)`;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) {
      throw new RangeError('there is nothing to pick from');
    }
    return item;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let offset = 0; offset < length; offset += 1) {
      bytes[offset] = this.below(256);
    }
    return bytes;
  }
}
