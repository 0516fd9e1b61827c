// SPDX-License-Identifier: Apache-2.0

const SHARDS = 1_024;

/**
 * A map of many entries that never takes long over one of them. JavaScript's own copies all that it holds whenever it has
 * doubled, which stops the process for a tenth of a second at a million entries.
 */
export class ShardedMap<Value> {
  readonly #shards: (Map<string, Value> | undefined)[] = Array.from({ length: SHARDS }, () => undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.#shards[shardOf(key)]?.has(key) ?? false;
  }

  set(key: string, value: Value): void {
    const number = shardOf(key);
    const shard = this.#shards[number] ?? new Map<string, Value>();
    this.#shards[number] = shard;
    this.#size -= shard.size;
    shard.set(key, value);
    this.#size += shard.size;
  }

  delete(key: string): void {
    if (this.#shards[shardOf(key)]?.delete(key) === true) {
      this.#size -= 1;
    }
  }

  /** All values, in no order. */
  values(): readonly Value[] {
    const values: Value[] = [];
    for (const shard of this.#shards) {
      shard?.forEach((value) => values.push(value));
    }
    return values;
  }
}

/** The same for the same key, and evenly spread: FNV-1a (Fowler, Noll and Vo). */
function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let place = 0; place < key.length; place += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(place), 0x01000193);
  }
  return (hash >>> 0) % SHARDS;
}
