// SPDX-License-Identifier: Apache-2.0

/** What several runs of one measurement came to. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** Of an even number of runs the median is the mean of the middle two. Throws a RangeError where there is no run. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (min === undefined || max === undefined || lower === undefined || upper === undefined) {
    throw new RangeError('a spread of nothing');
  }
  return { median: (lower + upper) / 2, min, max, runs: values.length };
}
