// SPDX-License-Identifier: Apache-2.0
// From numbers to places along an axis, and which of the numbers are written beside it.

export type ScaleKind = 'linear' | 'log';

export interface Axis {
  readonly min: number;
  readonly max: number;
  /** From the lowest to the highest; all of them from `min` to `max`. */
  readonly ticks: readonly number[];
  /** From 0 for `min` to 1 for `max`. */
  readonly place: (value: number) => number;
}

const TICKS_WANTED = 6;
/** Of the space between two decades so much is left below and above, in logarithms of ten. */
const LOG_ROOM = 0.08;

/**
 * An axis that holds all values. A linear one begins at 0 unless a value is below it; a logarithmic one throws a RangeError
 * for a value of 0 or less.
 */
export function axisFor(values: readonly number[], kind: ScaleKind): Axis {
  if (values.length === 0 || values.some((value) => !Number.isFinite(value))) {
    throw new RangeError('an axis needs values that are finite');
  }
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  return kind === 'linear' ? linearAxis(Math.min(0, lowest), highest) : logAxis(lowest, highest);
}

/** The same, with these values as its ticks: where few are measured, a reader looks for them. */
export function withTicks(axis: Axis, values: readonly number[]): Axis {
  return { ...axis, ticks: [...new Set(values)].sort((a, b) => a - b) };
}

function linearAxis(lowest: number, highest: number): Axis {
  const step = roundStep((highest - lowest || 1) / (TICKS_WANTED - 1));
  const [first, last] = [Math.floor(lowest / step), Math.max(Math.ceil(highest / step), 1)];
  // Counted in steps, so that no tick is 0.30000000000000004.
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => rounded((first + at) * step));
  const [min, max] = [first * step, last * step];
  return { min, max, ticks, place: (value) => (value - min) / (max - min) };
}

function logAxis(lowest: number, highest: number): Axis {
  if (lowest <= 0) {
    throw new RangeError('a logarithmic axis has no place for 0 or less');
  }
  const [low, high] = [Math.log10(lowest) - LOG_ROOM, Math.log10(highest) + LOG_ROOM];
  const place = (value: number): number => (Math.log10(value) - low) / (high - low);
  const isWithin = (value: number): boolean => place(value) >= 0 && place(value) <= 1;
  const decades = Array.from(
    { length: Math.floor(high) - Math.floor(low) + 1 },
    (_, at) => Math.floor(low) + at,
  );
  // As few numbers in a decade as give a reader two ticks or more.
  for (const digits of [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]]) {
    const ticks = decades
      .flatMap((decade) => digits.map((digit) => rounded(digit * 10 ** decade)))
      .filter(isWithin);
    if (ticks.length >= 3) {
      return { min: 10 ** low, max: 10 ** high, ticks: thinned(ticks), place };
    }
  }
  return { min: 10 ** low, max: 10 ** high, ticks: [...new Set([lowest, highest])], place };
}

/** Every second of too many, every third, and so on. */
function thinned(ticks: readonly number[]): readonly number[] {
  const every = Math.ceil(ticks.length / (TICKS_WANTED + 2));
  return ticks.filter((_, at) => at % every === 0);
}

/** 1, 2 or 5 times a power of ten, not below what is asked for. */
function roundStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  return ([1, 2, 5].find((digit) => digit * power >= wanted * (1 - 1e-9)) ?? 10) * power;
}

function rounded(value: number): number {
  return Number(value.toPrecision(12));
}

/** A tick as it is written: `0.5`, `200`, `10k`, `1M`. */
export function tickLabel(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) {
    return `${rounded3(value / 1e9)}G`;
  }
  if (size >= 1e6) {
    return `${rounded3(value / 1e6)}M`;
  }
  return size >= 1e4 ? `${rounded3(value / 1e3)}k` : rounded3(value);
}

function rounded3(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString('en-US', {
    maximumFractionDigits: 12,
    useGrouping: false,
  });
}
