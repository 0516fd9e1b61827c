// SPDX-License-Identifier: Apache-2.0
import { invariant } from '../common/index.ts';
import type { MetricFamily, MetricLabels, MetricSample } from './metric.ts';

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds of the buckets, ascending; the one without a bound comes by itself. */
  readonly bounds_s: readonly number[];
}

/** How long something took, since the start. */
export class Histogram {
  readonly #options: HistogramOptions;
  /** One more than there are bounds; each counts what is in it alone. */
  readonly #counts: Float64Array;
  #sum_s = 0;

  constructor(options: HistogramOptions) {
    const { bounds_s, name } = options;
    const ascends = bounds_s.every((bound, index) => index === 0 || bound > (bounds_s[index - 1] ?? bound));
    invariant(ascends, `the bounds of ${name} ascend`);
    this.#options = options;
    this.#counts = new Float64Array(bounds_s.length + 1);
  }

  /** Costs some tens of nanoseconds. */
  observe(duration_ms: number): void {
    const duration_s = duration_ms / 1_000;
    const { bounds_s } = this.#options;
    let bucket = 0;
    while (bucket < bounds_s.length && duration_s > (bounds_s[bucket] ?? 0)) {
      bucket += 1;
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum_s += duration_s;
  }

  /** Its samples, with these labels on each. */
  samples(labels: MetricLabels = {}): readonly MetricSample[] {
    const samples: MetricSample[] = [];
    let count = 0;
    this.#counts.forEach((inBucket, index) => {
      count += inBucket;
      const bound = this.#options.bounds_s[index];
      const le = bound === undefined ? '+Inf' : String(bound);
      samples.push({ suffix: '_bucket', labels: { ...labels, le }, value: count });
    });
    samples.push({ suffix: '_sum', labels, value: this.#sum_s });
    samples.push({ suffix: '_count', labels, value: count });
    return samples;
  }

  family(): MetricFamily {
    const { help, name } = this.#options;
    return { name, help, type: 'histogram', samples: this.samples() };
  }
}
