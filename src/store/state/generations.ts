// SPDX-License-Identifier: Apache-2.0
import type { DatabaseOperation, DatabaseView } from '../../storage/index.ts';
import { generationOf, generationRange } from '../../storage/index.ts';

const WHAT = 'the records of an older state';

/**
 * Which generation of the state serves, which one is being built up, and which ones are in the way: what was replaced,
 * and what an interrupted transfer has left. A number is never used for two.
 */
export class Generations {
  #used: number;
  #newest: number;
  #staged: number | undefined;
  readonly #obsolete: Set<number>;

  private constructor(used: number, obsolete: readonly number[]) {
    this.#used = used;
    this.#newest = Math.max(used, ...obsolete);
    this.#obsolete = new Set(obsolete);
  }

  /** Looks for what earlier processes have left beside the generation that is used. */
  static async find(database: DatabaseView, used: number): Promise<Generations> {
    const obsolete: number[] = [];
    let next = 0;
    for (;;) {
      const found = await firstGeneration(database, next);
      if (found === undefined) {
        return new Generations(used, obsolete);
      }
      if (found !== used) {
        obsolete.push(found);
      }
      next = found + 1;
    }
  }

  get hasObsolete(): boolean {
    return this.#obsolete.size > 0;
  }

  /** A new generation to build up; the one before it is given up. */
  begin(): number {
    this.abandon();
    this.#newest += 1;
    this.#staged = this.#newest;
    return this.#staged;
  }

  abandon(): void {
    if (this.#staged !== undefined) {
      this.#obsolete.add(this.#staged);
      this.#staged = undefined;
    }
  }

  /** `generation` takes the place of the one that is used. */
  use(generation: number): void {
    this.#obsolete.add(this.#used);
    this.#used = generation;
    if (this.#staged === generation) {
      this.#staged = undefined;
    }
  }

  /** See `SecretState.obsoleteGroups`. */
  async *obsoleteGroups(database: DatabaseView): AsyncGenerator<readonly DatabaseOperation[]> {
    for (const generation of this.#obsolete) {
      for await (const group of database.groups(generationRange(generation, generation + 1), WHAT)) {
        yield group.map(([key]) => ({ type: 'del', key }));
      }
      this.#obsolete.delete(generation);
    }
  }
}

/** The lowest generation from `from` on that has a record. */
async function firstGeneration(database: DatabaseView, from: number): Promise<number | undefined> {
  for await (const [record] of database.groups(generationRange(from), WHAT)) {
    return record === undefined ? undefined : generationOf(record[0]);
  }
  return undefined;
}
