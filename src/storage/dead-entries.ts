// SPDX-License-Identifier: Apache-2.0

interface IndexRange {
  readonly first: number;
  readonly last: number;
}

/** The entries that the log has let go of and the database still has. */
export class DeadEntries {
  /** Ascending, none of them empty. A log that begins anew after a snapshot leaves a gap. */
  readonly #ranges: IndexRange[] = [];

  /** Adds entries `first` to `last`, which come after all that were added before; none if `last` is below `first`. */
  add(first: number, last: number): void {
    if (last < first) {
      return;
    }
    const previous = this.#ranges.at(-1);
    if (previous?.last === first - 1) {
      this.#ranges[this.#ranges.length - 1] = { first: previous.first, last };
    } else {
      this.#ranges.push({ first, last });
    }
  }

  /** Takes out the oldest, `limit` of them at most. */
  take(limit: number): readonly number[] {
    const taken: number[] = [];
    for (;;) {
      const [oldest] = this.#ranges;
      if (oldest === undefined || taken.length >= limit) {
        return taken;
      }
      const until = Math.min(oldest.last, oldest.first + limit - taken.length - 1);
      for (let index = oldest.first; index <= until; index += 1) {
        taken.push(index);
      }
      if (until === oldest.last) {
        this.#ranges.shift();
      } else {
        this.#ranges[0] = { first: until + 1, last: oldest.last };
      }
    }
  }
}
