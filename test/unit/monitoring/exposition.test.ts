// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Counter,
  exposition,
  gauge,
  gaugesBy,
  Histogram,
  type MetricFamily,
} from '../../../src/monitoring/index.ts';

const single = (name: string): MetricFamily => gauge(name, 'one', 1);

test('a family is its help, its type and a line for each sample', () => {
  const text = exposition([
    gauge('a_bytes', 'Of disk', 5),
    gaugesBy('b', 'By role', 'role', [
      ['manager', 3],
      ['worker', 0],
    ]),
  ]);
  assert.equal(
    text,
    [
      '# HELP a_bytes Of disk',
      '# TYPE a_bytes gauge',
      'a_bytes 5',
      '# HELP b By role',
      '# TYPE b gauge',
      'b{role="manager"} 3',
      'b{role="worker"} 0',
      '',
    ].join('\n'),
  );
});

test('what is not known has no line at all', () => {
  assert.equal(exposition([gauge('a', 'unknown', undefined)]), '');
});

test('a label may hold what would end it, a line or a number that is none', () => {
  const text = exposition([
    gaugesBy('a', String.raw`with \ and` + '\nmore', 'name', [
      [String.raw`q"b\n` + '\n}', Number.NaN],
      ['up', Number.POSITIVE_INFINITY],
      ['down', Number.NEGATIVE_INFINITY],
    ]),
  ]);
  assert.deepEqual(text.split('\n'), [
    String.raw`# HELP a with \\ and\nmore`,
    '# TYPE a gauge',
    String.raw`a{name="q\"b\\n\n}"} NaN`,
    'a{name="up"} +Inf',
    'a{name="down"} -Inf',
    '',
  ]);
});

test('a name that is none, or comes twice, is a mistake of the program', () => {
  assert.throws(() => exposition([single('a-b')]), { code: 'internal.invariant' });
  assert.throws(() => exposition([single('a'), single('a')]), { code: 'internal.invariant' });
  assert.throws(() => exposition([gaugesBy('a', 'x', 'le-x', [['1', 1]])]), { code: 'internal.invariant' });
});

test('buckets count all that is as quick or quicker, and the bound itself is in', () => {
  const histogram = new Histogram({ name: 'h_seconds', help: 'Time', bounds_s: [0.001, 0.01] });
  for (const duration_ms of [0.5, 1, 1.001, 10, 11, 60_000]) {
    histogram.observe(duration_ms);
  }
  assert.deepEqual(exposition([histogram.family()]).split('\n').slice(2, -1), [
    'h_seconds_bucket{le="0.001"} 2',
    'h_seconds_bucket{le="0.01"} 4',
    'h_seconds_bucket{le="+Inf"} 6',
    `h_seconds_sum ${0.0005 + 0.001 + 0.001001 + 0.01 + 0.011 + 60}`,
    'h_seconds_count 6',
  ]);
});

test('a histogram whose bounds do not ascend is a mistake of the program', () => {
  assert.throws(() => new Histogram({ name: 'h', help: 'x', bounds_s: [1, 1] }), {
    code: 'internal.invariant',
  });
});

test('a counter begins with what it is told, and keeps a bounded number of series apart', () => {
  const counter = new Counter({ name: 'c_total', help: 'x', label: 'code', values: ['known'] });
  assert.deepEqual(counter.family().samples, [{ labels: { code: 'known' }, value: 0 }]);
  for (let made = 0; made < 1_000; made += 1) {
    counter.add(`code-${made}`);
  }
  counter.add('code-0');
  const { samples } = counter.family();
  assert.ok(samples.length <= 201, `${samples.length} series`);
  assert.equal(
    samples.reduce((sum, { value }) => sum + value, 0),
    1_001,
    'nothing is lost',
  );
  assert.equal(samples.find(({ labels }) => labels?.['code'] === 'code-0')?.value, 2);
});
