// SPDX-License-Identifier: Apache-2.0
// Counts how often rare situations occur: a simulation that never gets somewhere proves nothing about it.

/** Occurrences by name. */
export class Coverage {
  readonly #counts = new Map<string, number>();

  hit(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Takes up what another one has counted. */
  merge(entries: readonly (readonly [string, number])[]): void {
    for (const [name, times] of entries) {
      this.#counts.set(name, this.count(name) + times);
    }
  }

  /** All names with their counts, in the order of names. */
  entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
