// SPDX-License-Identifier: Apache-2.0
import type { MetricFamily } from './metric.ts';

export interface CounterOptions {
  readonly name: string;
  readonly help: string;
  /** What is counted apart. */
  readonly label: string;
  /** These begin with 0: the first increase of one that was not there before is seen by nobody. Default: none. */
  readonly values?: readonly string[];
}

/** Each value of a label is a time series for ever: what comes beyond these is counted together. */
const VALUES_MAX = 200;
const OTHER = 'other';

/** Counts since the start, by one label. */
export class Counter {
  readonly #options: CounterOptions;
  readonly #counts = new Map<string, number>();

  constructor(options: CounterOptions) {
    this.#options = options;
    for (const value of options.values ?? []) {
      this.#counts.set(value, 0);
    }
  }

  /** One more of this. */
  add(value: string): void {
    const key = this.#counts.has(value) || this.#counts.size < VALUES_MAX ? value : OTHER;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  family(): MetricFamily {
    const { help, label, name } = this.#options;
    const samples = [...this.#counts].map(([value, count]) => ({ labels: { [label]: value }, value: count }));
    return { name, help, type: 'counter', samples };
  }
}
