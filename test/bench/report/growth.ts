// SPDX-License-Identifier: Apache-2.0
// How a cost grows: two curves of two parameters each are laid through what was measured, and the one that leaves less over is told.
// Both are judged by the logarithm of what they miss, so that a small cost counts as much as a large one.
import { unreachable } from '../../../src/common/index.ts';

export interface Measured {
  readonly n: number;
  readonly cost: number;
}

/** cost = factor * n^exponent. */
export interface PowerLaw {
  readonly factor: number;
  readonly exponent: number;
  /** Its standard error; NaN where two points leave nothing to tell it by. */
  readonly exponentError: number;
  /** The root of the mean square of ln(measured / fitted). */
  readonly residual: number;
}

/** cost = fixed + each * n. */
export interface Line {
  readonly fixed: number;
  readonly each: number;
  /** As that of the power law. */
  readonly residual: number;
}

export type Growth =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'power'; readonly law: PowerLaw; readonly line: Line }
  | { readonly kind: 'line'; readonly law: PowerLaw; readonly line: Line };

const POINTS_MIN = 3;
/** Less than this times the fixed part, at the largest n, is no growth that a user would notice. */
const SMALL_PART = 0.2;
/** An exponent as near to one that has a name is called by it. */
const NEAR = 0.1;

/** Unknown where there are fewer than three different n, or a cost of nothing or less. */
export function fitGrowth(measured: readonly Measured[]): Growth {
  const counts = new Set(measured.map(({ n }) => n));
  if (counts.size < POINTS_MIN || measured.some(({ n, cost }) => n <= 0 || cost <= 0)) {
    return { kind: 'unknown' };
  }
  const [law, line] = [powerLawThrough(measured), lineThrough(measured)];
  return { kind: line.residual < law.residual ? 'line' : 'power', law, line };
}

/** The fitted cost at n, undefined where it is unknown. */
export function fittedCost(growth: Growth, n: number): number | undefined {
  switch (growth.kind) {
    case 'unknown':
      return undefined;
    case 'power':
      return growth.law.factor * n ** growth.law.exponent;
    case 'line':
      return growth.line.fixed + growth.line.each * n;
    default:
      return unreachable(growth);
  }
}

/** Least squares of ln cost against ln n. */
function powerLawThrough(measured: readonly Measured[]): PowerLaw {
  const points = measured.map(({ n, cost }) => ({ x: Math.log(n), y: Math.log(cost), weight: 1 }));
  const { intercept, slope } = leastSquares(points);
  const missed = points.map(({ x, y }) => y - intercept - slope * x);
  const meanX = mean(points.map(({ x }) => x));
  const spreadX = sum(points.map(({ x }) => (x - meanX) ** 2));
  const variance = sum(missed.map((miss) => miss ** 2)) / (points.length - 2);
  return {
    factor: Math.exp(intercept),
    exponent: slope,
    exponentError: Math.sqrt(variance / spreadX),
    residual: rootMeanSquare(missed),
  };
}

/** Least squares of what is missed in proportion to the cost: by its absolute size the largest n would decide alone. */
function lineThrough(measured: readonly Measured[]): Line {
  const points = measured.map(({ n, cost }) => ({ x: n, y: cost, weight: cost ** -2 }));
  const { intercept, slope } = leastSquares(points);
  const missed = measured.map(({ n, cost }) => {
    const fitted = intercept + slope * n;
    return fitted > 0 ? Math.log(cost / fitted) : Infinity;
  });
  return { fixed: intercept, each: slope, residual: rootMeanSquare(missed) };
}

interface Weighted {
  readonly x: number;
  readonly y: number;
  readonly weight: number;
}

function leastSquares(points: readonly Weighted[]): { readonly intercept: number; readonly slope: number } {
  const total = sum(points.map(({ weight }) => weight));
  const meanX = sum(points.map(({ x, weight }) => weight * x)) / total;
  const meanY = sum(points.map(({ y, weight }) => weight * y)) / total;
  const both = sum(points.map(({ x, y, weight }) => weight * (x - meanX) * (y - meanY)));
  const slope = both / sum(points.map(({ x, weight }) => weight * (x - meanX) ** 2));
  return { intercept: meanY - slope * meanX, slope };
}

export interface GrowthWords {
  /** Of the cost. */
  readonly unit: string;
  /** What there are n of, in the singular. */
  readonly each: string;
  /** The smallest n that was measured, and the largest. */
  readonly sizes: readonly [smallest: number, largest: number];
}

/** In words: `grows as n^0.98 ± 0.02 (linear)`, or `2.1 ms + 0.0034 ms for each secret (linear, with a fixed part)`. */
export function growthInWords(growth: Growth, { unit, each, sizes }: GrowthWords): string {
  switch (growth.kind) {
    case 'unknown':
      return 'too few points to tell how it grows';
    case 'power':
      return powerInWords(growth.law);
    case 'line': {
      const { fixed, each: slope } = growth.line;
      const grown = Math.abs(slope * sizes[1]);
      const formula = `${short(fixed)} ${unit} ${slope < 0 ? '-' : '+'} ${short(Math.abs(slope))} ${unit} for each ${each}`;
      if (fixed > 0 && grown < SMALL_PART * fixed) {
        return `${formula} (hardly grows)`;
      }
      // A fixed part that is lost beside the smallest n is the noise of a line through it.
      const isWholly = fixed < SMALL_PART * slope * sizes[0];
      return `${formula} (${slope < 0 ? 'falls' : isWholly ? 'linear' : 'linear, with a fixed part'})`;
    }
    default:
      return unreachable(growth);
  }
}

function powerInWords({ exponent, exponentError }: PowerLaw): string {
  const error = Number.isFinite(exponentError) ? ` ± ${exponentError.toFixed(2)}` : '';
  return `grows as n^${exponent.toFixed(2)}${error} (${nameOf(exponent, exponentError)})`;
}

function nameOf(exponent: number, error: number): string {
  if (error > 0.5) {
    return 'too uncertain to be named';
  }
  const named = [
    [0, 'hardly grows'],
    [0.5, 'as the square root'],
    [1, 'linear'],
    [2, 'quadratic'],
  ] as const;
  const found = named.find(([value]) => Math.abs(exponent - value) <= NEAR);
  if (found !== undefined) {
    return found[1];
  }
  if (exponent < 0) {
    return 'falls';
  }
  return exponent < 1 ? 'less than linear' : 'more than linear';
}

/** Three digits that count, without an exponent of ten. */
function short(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 12));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(mean(values.map((value) => value ** 2)));
}
