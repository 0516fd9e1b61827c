// SPDX-License-Identifier: Apache-2.0

/** Where checks report to. The first violation ends the run. */
export class Violations {
  #first: string | undefined;
  readonly #onFirst: (sentence: string) => void;

  constructor(onFirst: (sentence: string) => void) {
    this.#onFirst = onFirst;
  }

  get first(): string | undefined {
    return this.#first;
  }

  /** `invariant` names what was broken, in few words that do not vary; `sentence` says how. */
  report(invariant: string, sentence: string): void {
    if (this.#first === undefined) {
      this.#first = `${invariant}: ${sentence}`;
      this.#onFirst(this.#first);
    }
  }
}
