// SPDX-License-Identifier: Apache-2.0

/** Work on one thing after the other, in the order in which it came; work on different things does not wait for each other. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Settles as `work` does, once all earlier work on `key` has settled. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const result = before.then(work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    void settled.then(() => {
      if (this.#last.get(key) === settled) {
        this.#last.delete(key);
      }
    });
    return result;
  }

  /** Resolves when all that was asked for until now has settled. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
