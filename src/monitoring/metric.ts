// SPDX-License-Identifier: Apache-2.0
// What Prometheus is told, before it is text.

export type MetricType = 'counter' | 'gauge' | 'histogram';
export type MetricLabels = Readonly<Record<string, string>>;

export interface MetricSample {
  readonly value: number;
  /** Default: none. */
  readonly labels?: MetricLabels;
  /** Of a histogram, which part it is. */
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

/** All samples of one name. */
export interface MetricFamily {
  /** In base units, which it ends in: `_seconds`, `_bytes`; of a counter, `_total`. */
  readonly name: string;
  /** One sentence without a full stop. */
  readonly help: string;
  readonly type: MetricType;
  /** None: what is not known is not told. */
  readonly samples: readonly MetricSample[];
}

/** A gauge with one sample, or with none where the value is not known. */
export function gauge(name: string, help: string, value: number | boolean | undefined): MetricFamily {
  return { name, help, type: 'gauge', samples: value === undefined ? [] : [{ value: Number(value) }] };
}

/** A gauge with a sample for each value of one label. */
export function gaugesBy(
  name: string,
  help: string,
  label: string,
  values: Iterable<readonly [string, number | boolean]>,
): MetricFamily {
  const samples = [...values].map(([key, value]) => ({ labels: { [label]: key }, value: Number(value) }));
  return { name, help, type: 'gauge', samples };
}

/** A counter that somebody else counts. */
export function counted(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'counter', samples: [{ value }] };
}

/** Always 1: what matters stands in the labels. */
export function info(name: string, help: string, labels: MetricLabels): MetricFamily {
  return { name, help, type: 'gauge', samples: [{ labels, value: 1 }] };
}
