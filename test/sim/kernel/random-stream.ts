// SPDX-License-Identifier: Apache-2.0
// Randomness that can be made again. Each part of the simulation draws from a stream of its own, so that one more
// draw in one part does not change what all others do.

const TWO_32 = 2 ** 32;

/** A stream of random numbers (sfc32 of Chris Doty-Humphrey, PractRand). For simulations, never for keys. */
export class RandomStream {
  readonly #path: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(path: string) {
    this.#path = path;
    const [a, b, c] = hashWords(path);
    this.#a = a;
    this.#b = b;
    this.#c = c;
    for (let round = 0; round < 12; round += 1) {
      this.u32();
    }
  }

  /** A stream that depends on this one's name and on `label`, and not on what was drawn so far. */
  fork(label: string | number): RandomStream {
    return new RandomStream(`${this.#path}/${label}`);
  }

  u32(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    this.#c |= 0;
    return result >>> 0;
  }

  /** From 0 (inclusive) to 1 (exclusive). */
  unit(): number {
    return this.u32() / TWO_32;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** An integer from `low` to `high`, both inclusive. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** A number from `low` to `high` whose logarithm is uniform: as often small as large. */
  magnitude(low: number, high: number): number {
    return low * (high / low) ** this.unit();
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** The time until the next of events that come `mean` apart on average. */
  exponential(mean: number): number {
    return -Math.log(1 - this.unit()) * mean;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) {
      throw new RangeError('there is nothing to pick from');
    }
    return item;
  }

  /** One of the items, or undefined if there is none. */
  pickAny<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last -= 1) {
      const other = this.below(last + 1);
      const [a, b] = [shuffled[last], shuffled[other]];
      if (a !== undefined && b !== undefined) {
        [shuffled[last], shuffled[other]] = [b, a];
      }
    }
    return shuffled;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    let offset = 0;
    for (; offset + 4 <= length; offset += 4) {
      bytes.writeUInt32LE(this.u32(), offset);
    }
    for (; offset < length; offset += 1) {
      bytes[offset] = this.u32() & 0xff;
    }
    return bytes;
  }

  /** A random integer from 1 to 2^48 - 1. */
  u48(): number {
    return 1 + this.below(2 ** 16) * TWO_32 + this.below(TWO_32 - 1);
  }
}

/** Three 32-bit words out of a text (FNV-1a with three bases, each mixed as in MurmurHash3). */
function hashWords(text: string): readonly [number, number, number] {
  const word = (basis: number): number => {
    let hash = basis;
    for (let index = 0; index < text.length; index += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
    return (hash ^ (hash >>> 16)) | 0;
  };
  return [word(0x811c_9dc5), word(0x9e37_79b9), word(0x2545_f491)];
}
