// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { fitGrowth, fittedCost, type Growth, growthInWords } from '../../bench/report/growth.ts';
import { spreadOf } from '../../bench/report/spread.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const COUNTS = [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];
const WORDS = { unit: 'ms', each: 'secret', sizes: [10, 100_000] } as const;

/** What would be measured of a known cost, with up to so much noise in proportion to it. */
function growthOf(t: TestContext, cost: (n: number) => number, noise = 0.05): Growth {
  const random = new SeededRandom();
  t.diagnostic(random.description);
  return fitGrowth(
    COUNTS.map((n) => ({ n, cost: cost(n) * (1 + noise * (random.below(2_001) / 1_000 - 1)) })),
  );
}

void describe('how a cost grows', () => {
  for (const exponent of [0.5, 0.7, 1.3, 2]) {
    void test(`an exponent of ${exponent} is found within its error, in spite of noise`, (t) => {
      const growth = growthOf(t, (n) => 0.4 * n ** exponent);
      assert.ok(growth.kind === 'power', growth.kind);
      const { exponent: found, exponentError } = growth.law;
      assert.ok(Math.abs(found - exponent) < Math.max(3 * exponentError, 0.01), `found ${found}`);
      assert.ok(exponentError > 0 && exponentError < 0.05, `error ${exponentError}`);
    });
  }

  void test('a fixed part beside one for each is told from a power', (t) => {
    const growth = growthOf(t, (n) => 50 + 0.02 * n);
    assert.ok(growth.kind === 'line', growth.kind);
    assert.ok(Math.abs(growth.line.fixed - 50) < 5, `fixed ${growth.line.fixed}`);
    assert.ok(Math.abs(growth.line.each - 0.02) < 0.002, `each ${growth.line.each}`);
    assert.match(
      growthInWords(growth, WORDS),
      /^[45]\d\.\d ms \+ 0\.0\d+ ms for each secret \(linear, with a fixed part\)$/,
    );
  });

  void test('what is exactly linear is called so, whichever of the two curves is nearer', (t) => {
    assert.match(
      growthInWords(
        growthOf(t, (n) => 0.003 * n),
        WORDS,
      ),
      /\(linear\)$/,
    );
    assert.match(
      growthInWords(
        growthOf(t, (n) => 0.003 * n, 0),
        WORDS,
      ),
      /\(linear\)$/,
    );
  });

  void test('what is the same at any size hardly grows', (t) => {
    assert.match(
      growthInWords(
        growthOf(t, () => 1.5),
        WORDS,
      ),
      /\(hardly grows\)$/,
    );
    assert.match(
      growthInWords(
        growthOf(t, (n) => 10 + n * 1e-6, 0),
        WORDS,
      ),
      /\(hardly grows\)$/,
    );
  });

  void test('a quadratic cost, and one that falls, are called that', (t) => {
    assert.match(
      growthInWords(
        growthOf(t, (n) => 1e-3 * n ** 2),
        WORDS,
      ),
      /^grows as n\^[12]\.\d\d ± 0\.\d\d \(quadratic\)$/,
    );
    assert.match(
      growthInWords(
        growthOf(t, (n) => 900 / n ** 0.4),
        WORDS,
      ),
      /\(falls\)$/,
    );
  });

  void test('the fitted curve goes where the points are', (t) => {
    const growth = growthOf(t, (n) => 7 * n ** 0.8, 0);
    for (const n of COUNTS) {
      const fitted = fittedCost(growth, n) ?? 0;
      assert.ok(Math.abs(fitted / (7 * n ** 0.8) - 1) < 1e-6, `at ${n}: ${fitted}`);
    }
  });

  void test('two sizes, or a cost of nothing, are too little to tell', () => {
    const two = [1, 1, 2].map((n) => ({ n, cost: n }));
    assert.deepEqual(fitGrowth(two), { kind: 'unknown' });
    assert.deepEqual(fitGrowth([1, 2, 3].map((n) => ({ n, cost: n - 1 }))), { kind: 'unknown' });
    assert.equal(growthInWords({ kind: 'unknown' }, WORDS), 'too few points to tell how it grows');
    assert.equal(fittedCost({ kind: 'unknown' }, 1), undefined);
  });
});

void describe('the spread of some runs', () => {
  void test('the median is the middle one, or between the middle two', () => {
    assert.deepEqual(spreadOf([9, 1, 4]), { median: 4, min: 1, max: 9, runs: 3 });
    assert.deepEqual(spreadOf([4, 1, 9, 2]), { median: 3, min: 1, max: 9, runs: 4 });
    assert.deepEqual(spreadOf([5]), { median: 5, min: 5, max: 5, runs: 1 });
    assert.throws(() => spreadOf([]), RangeError);
  });
});
