// SPDX-License-Identifier: Apache-2.0
// The text format of Prometheus, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/
import { invariant } from '../common/index.ts';
import type { MetricFamily, MetricLabels, MetricSample } from './metric.ts';

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** The families as text; one without samples is left out. Throws `internal.invariant` for a name that is none or comes twice. */
export function exposition(families: readonly MetricFamily[]): string {
  const names = new Set<string>();
  const lines: string[] = [];
  for (const { help, name, samples, type } of families) {
    invariant(NAME.test(name) && !names.has(name), `${name} is the name of one metric`);
    names.add(name);
    if (samples.length > 0) {
      lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`);
      lines.push(...samples.map((sample) => lineOf(name, sample)));
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

function lineOf(name: string, { labels = {}, suffix, value }: MetricSample): string {
  return `${name}${suffix ?? ''}${labelText(labels)} ${numberText(value)}`;
}

function labelText(labels: MetricLabels): string {
  const pairs = Object.entries(labels).map(([label, value]) => {
    invariant(NAME.test(label), `${label} is the name of a label`);
    return `${label}="${escaped(value).replaceAll('"', String.raw`\"`)}"`;
  });
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}

/** As Go reads them. */
function numberText(value: number): string {
  if (Number.isFinite(value)) {
    return String(value);
  }
  return Number.isNaN(value) ? 'NaN' : `${value > 0 ? '+' : '-'}Inf`;
}
