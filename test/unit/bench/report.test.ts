// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Finding, Samples, type Subject } from '../../bench/report/finding.ts';
import { plotsOf, type Report, reportInMarkdown } from '../../bench/report/markdown.ts';
import { sizesInTime } from '../../bench/report/runner.ts';

const SUBJECT: Subject = {
  id: 'writes',
  title: 'Writes',
  about: 'To the disk.',
  rowTitle: 'clients',
  unit: 'writes per second',
  better: 'more',
  scales: { x: 'log', y: 'linear' },
};

function reportOf(finding: Finding | undefined): Report {
  assert.ok(finding !== undefined);
  const section = { title: 'Clusters', findings: [finding], leftOut: ['etcd, which is not here.'] };
  return { facts: [{ what: 'Node', value: 'v20' }], sections: [section] };
}

function linesOf(report: Report): readonly string[] {
  return reportInMarkdown(report, (id) => `${id}.svg`)
    .split('\n')
    .map((line) => line.replace(/ {2,}/g, ' ').trim());
}

void describe('the report of the benchmarks', () => {
  void test('a row has the median of its runs, the lowest and the highest, and what one peer is of another', () => {
    const samples = new Samples();
    for (const rate of [1_500, 900, 1_000]) {
      samples.note(1_024, 'coffer', rate);
    }
    samples.note(1_024, 'etcd', 800);
    const lines = linesOf(reportOf(samples.finding(SUBJECT, ['coffer', 'etcd'], [['coffer', 'etcd']])));
    assert.ok(lines.includes('| clients | coffer | etcd | coffer / etcd |'));
    assert.ok(lines.includes('| 1,024 | 1,000 (900–1,500) | 800 | 1.25 |'), lines.join('\n'));
    assert.ok(lines.includes('To the disk. More is better.'));
    assert.ok(lines.includes('Left out: etcd, which is not here.'));
  });

  void test('a peer that was not there has no column and no ratio, and nothing at all gives no finding', () => {
    const samples = new Samples();
    assert.equal(samples.finding(SUBJECT, ['coffer', 'etcd']), undefined);
    samples.note(1, 'coffer', 5);
    const finding = samples.finding(SUBJECT, ['coffer', 'etcd'], [['coffer', 'etcd']]);
    assert.deepEqual(finding?.columns, ['coffer']);
    assert.deepEqual(finding.ratios, []);
  });

  void test('three sizes and more are plotted with how the cost grows; fewer, and what has a name alone, are not', () => {
    const samples = new Samples();
    for (const n of [10, 100, 1_000]) {
      samples.note(n, 'coffer', 2 * n);
    }
    const plotted = reportOf(samples.finding({ ...SUBJECT, each: 'client', shortUnit: 'ms' }, ['coffer']));
    assert.deepEqual([...plotsOf(plotted).keys()], ['writes']);
    const lines = linesOf(plotted);
    assert.ok(lines.includes('![Writes](writes.svg)'));
    assert.match(lines.find((line) => line.startsWith('- coffer: ')) ?? '', /\(linear\)$/);
    const named = new Samples();
    ['one', 'two', 'three'].forEach((name) => named.note(name, 'coffer', 1));
    assert.equal(plotsOf(reportOf(named.finding(SUBJECT, ['coffer']))).size, 0);
  });

  void test('a cost of nothing is plotted too, on a linear axis', () => {
    const samples = new Samples();
    [0, 1, 2].forEach((cost, at) => samples.note(10 ** at, 'coffer', cost));
    const finding = samples.finding({ ...SUBJECT, scales: { x: 'log', y: 'log' } }, ['coffer']);
    assert.match(plotsOf(reportOf(finding)).get('writes') ?? '', /text-anchor="end">0</);
  });
});

void describe('the sizes of a curve', () => {
  /** Which sizes are measured, if each takes so long. */
  function measured(limit_ms: number, time_ms: (size: number) => number): readonly number[] {
    let now_ms = 0;
    const sizes: number[] = [];
    for (const size of sizesInTime([10, 100, 1_000, 10_000], limit_ms, () => now_ms)) {
      sizes.push(size);
      now_ms += time_ms(size);
    }
    return sizes;
  }

  void test('all are measured while there is time', () => {
    assert.deepEqual(
      measured(20_000, (size) => size),
      [10, 100, 1_000, 10_000],
    );
  });

  void test('one that would go beyond the limit is not begun', () => {
    assert.deepEqual(
      measured(5_000, (size) => size),
      [10, 100, 1_000],
    );
  });

  void test('what each takes whatever its size is not taken for growth', () => {
    const flat = (size: number): number => 2_000 + size / 10;
    assert.deepEqual(measured(10_000, flat), [10, 100, 1_000, 10_000]);
  });

  void test('the first one is measured, whatever it takes', () => {
    assert.deepEqual(
      measured(1, () => 1_000),
      [10],
    );
  });
});
