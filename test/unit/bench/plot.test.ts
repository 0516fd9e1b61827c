// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { axisFor, tickLabel } from '../../bench/report/axis.ts';
import {
  HEIGHT,
  type Plot,
  plotSvg,
  SERIES_MAX,
  type Series,
  WIDTH,
  widthOf,
} from '../../bench/report/plot.ts';
import { spreadOf } from '../../bench/report/spread.ts';

const RUNS = { numRuns: 40 };

const positive = fc.double({ min: 1e-3, max: 1e9, noNaN: true });
const point = fc.record({
  x: positive,
  spread: fc.array(positive, { minLength: 1, maxLength: 5 }).map(spreadOf),
});
const series: fc.Arbitrary<Series> = fc.record({
  name: fc.string({ minLength: 1, maxLength: 40 }),
  points: fc.array(point, { minLength: 1, maxLength: 12 }),
});
const scale = fc.constantFrom('linear' as const, 'log' as const);
const plot: fc.Arbitrary<Plot> = fc.record({
  title: fc.string({ maxLength: 60 }),
  x: fc.record({ title: fc.constant('secrets'), scale }),
  y: fc.record({ title: fc.constant('time, ms'), scale }),
  series: fc.array(series, { minLength: 1, maxLength: SERIES_MAX }),
});

/** As far as this: each tag is closed by its own, attributes are quoted, and no & or < stands alone. */
function assertWellFormed(xml: string): void {
  const open: string[] = [];
  let after = 0;
  for (const { 0: tag, index, groups = {} } of xml.matchAll(
    /<(?<end>\/)?(?<name>[a-z]+)(?: [a-zA-Z0-9:-]+="[^"<]*")*(?<empty>\/)?>/g,
  )) {
    assert.doesNotMatch(xml.slice(after, index), /[<>]|&(?!(?:amp|lt|gt|quot);)/);
    after = index + tag.length;
    if (groups['end'] !== undefined) {
      assert.equal(open.pop(), groups['name']);
    } else if (groups['empty'] === undefined) {
      open.push(groups['name'] ?? '');
    }
  }
  assert.deepEqual(open, []);
  assert.equal(xml.slice(after), '\n');
}

function numbersOf(svg: string, attributes: string): readonly number[] {
  return [...svg.matchAll(new RegExp(` (?:${attributes})="(-?[\\d.]+|[^"]*)"`, 'g'))].map(([, value]) =>
    Number(value),
  );
}

interface Box {
  readonly label: string;
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
}

function labelsOf(svg: string): readonly Box[] {
  return [
    ...svg.matchAll(
      /<text class="label" x="([\d.]+)" y="([\d.]+)"(?: text-anchor="(middle|end)")?>([^<]*)<\/text>/g,
    ),
  ].map(([, x, y, anchor, content = '']) => {
    const label = content.replace(/&[a-z]+;/g, '&');
    const width = widthOf(label);
    const left = Number(x) - (anchor === 'end' ? width : anchor === 'middle' ? width / 2 : 0);
    return { label, left, right: left + width, bottom: Number(y) };
  });
}

const ONE: Plot = {
  title: 'put <beside> "etcd" & Swarm',
  x: { title: 'clients', scale: 'log' },
  y: { title: 'per second', scale: 'linear' },
  series: [
    { name: 'coffer', points: [1, 16, 64, 256].map((x) => ({ x, spread: spreadOf([x, 2 * x, 3 * x]) })) },
    {
      name: 'etcd',
      points: [1, 16, 64, 256].map((x) => ({ x, spread: spreadOf([x + 100]) })),
      fitted: (x) => x + 90,
    },
  ],
};

void describe('a plot', () => {
  void test('any plot is well-formed, whatever its texts are', () => {
    fc.assert(
      fc.property(plot, (any) => assertWellFormed(plotSvg(any))),
      RUNS,
    );
    assert.match(plotSvg(ONE), /put &lt;beside&gt; &quot;etcd&quot; &amp; Swarm/);
  });

  void test('all points and whiskers lie inside the picture', () => {
    fc.assert(
      fc.property(plot, (any) => {
        const svg = plotSvg(any);
        const xs = numbersOf(svg, 'x|cx|x1|x2');
        const ys = numbersOf(svg, 'y|cy|y1|y2');
        const paths = [...svg.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)];
        const allX = [...xs, ...paths.map(([, x]) => Number(x))];
        const allY = [...ys, ...paths.map(([, , y]) => Number(y))];
        assert.ok(allX.length > 0 && allX.every((x) => x >= 0 && x <= WIDTH));
        assert.ok(allY.length > 0 && allY.every((y) => y >= 0 && y <= HEIGHT));
      }),
      RUNS,
    );
  });

  void test('no label lies on another', () => {
    const named = plot.map((any) => ({
      ...any,
      series: any.series.map((one, at) => ({ ...one, name: `series ${at} of some length` })),
    }));
    fc.assert(
      fc.property(named, (any) => {
        const boxes = labelsOf(plotSvg(any));
        for (const [at, one] of boxes.entries()) {
          for (const other of boxes.slice(at + 1)) {
            const isApart =
              one.right <= other.left || other.right <= one.left || Math.abs(one.bottom - other.bottom) >= 12;
            assert.ok(isApart, `"${one.label}" and "${other.label}"`);
          }
        }
      }),
      RUNS,
    );
  });

  void test('a few sizes are ticks themselves, and each series has its mark at each point and in the legend', () => {
    const svg = plotSvg(ONE);
    const labels = labelsOf(svg).map(({ label }) => label);
    assert.deepEqual(
      labels.filter((label) => /^(1|16|64|256)$/.test(label)),
      ['1', '16', '64', '256'].toReversed(),
    );
    assert.equal(svg.match(/<circle class="mark s0"/g)?.length, 5);
    assert.equal(svg.match(/<rect class="mark s1"/g)?.length, 5);
    assert.equal(svg.match(/class="whisker s0"/g)?.length, 4);
    assert.equal(svg.match(/class="whisker s1"/g), null);
    assert.equal(svg.match(/class="fit s1"/g)?.length, 1);
  });

  void test('it is drawn for a light page and for a dark one', () => {
    assert.match(plotSvg(ONE), /\.page\{fill:#ffffff\}.*prefers-color-scheme:dark.*\.page\{fill:#0d1117\}/);
  });

  void test('no series, and more than can be told apart, are refused', () => {
    assert.throws(() => plotSvg({ ...ONE, series: [] }), RangeError);
    const many = Array.from({ length: SERIES_MAX + 1 }, () => ONE.series).flat();
    assert.throws(() => plotSvg({ ...ONE, series: many }), RangeError);
  });
});

void describe('an axis', () => {
  void test('its ticks rise, lie on it, and are from 2 to 10', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1 }), scale, (values, kind) => {
        const { ticks, place } = axisFor(values, kind);
        assert.ok(
          ticks.length >= (Math.min(...values) === Math.max(...values) ? 1 : 2) && ticks.length <= 10,
          ticks.join(),
        );
        ticks.forEach((tick, at) => assert.ok(at === 0 || tick > (ticks[at - 1] ?? 0)));
        [...ticks, ...values].forEach((value) =>
          assert.ok(place(value) >= -1e-9 && place(value) <= 1 + 1e-9),
        );
      }),
    );
  });

  void test('ticks are round numbers', () => {
    assert.deepEqual(axisFor([3, 47], 'linear').ticks, [0, 10, 20, 30, 40, 50]);
    assert.deepEqual(axisFor([0.11, 0.29], 'linear').ticks, [0, 0.1, 0.2, 0.3]);
    assert.deepEqual(axisFor([1_000, 1_000_000], 'log').ticks, [1_000, 10_000, 100_000, 1_000_000]);
    assert.deepEqual(axisFor([4, 60], 'log').ticks, [5, 10, 20, 50]);
  });

  void test('a logarithmic one has no place for nothing', () => {
    assert.throws(() => axisFor([0, 1], 'log'), RangeError);
    assert.throws(() => axisFor([], 'linear'), RangeError);
  });

  void test('large numbers are written short', () => {
    const written = [0.001, 0.5, 250, 5_000, 10_000, 2_500_000, 3e9].map(tickLabel);
    assert.deepEqual(written, ['0.001', '0.5', '250', '5000', '10k', '2.5M', '3G']);
  });
});
