// SPDX-License-Identifier: Apache-2.0
// Durations as docker's own options take them (Go, time.ParseDuration), and days, which certificates are counted in.

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** From large to small, as they are written. */
const UNITS = [
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
  ['s', 1_000],
  ['ms', 1],
] as const;

const DURATION_PATTERN = /^(?:\d{1,15}(?:\.\d{1,9})?(?:d|h|ms|m|s))+$/;

/**
 * The milliseconds of `90m`, `1h30m`, `1.5h`, `720h` or `30d`. Undefined for anything else: no unit, no number, a sign,
 * parts of a millisecond, more than can be counted.
 */
export function parseDuration_ms(text: string): number | undefined {
  if (text.length > 100 || !DURATION_PATTERN.test(text)) {
    return undefined;
  }
  const parts = text.matchAll(/([\d.]+)(d|h|ms|m|s)/g);
  const total_ms = [...parts].reduce((sum_ms, [, count, unit]) => {
    const unit_ms = UNITS.find(([name]) => name === unit)?.[1] ?? Number.NaN;
    return sum_ms + Number(count) * unit_ms;
  }, 0);
  return Number.isSafeInteger(total_ms) ? total_ms : undefined;
}

/** A duration in the same form, with no part that is zero: `30d`, `1h30m`. */
export function formatDuration(duration_ms: number): string {
  let rest_ms = Math.max(0, Math.round(duration_ms));
  let text = '';
  for (const [unit, unit_ms] of UNITS) {
    const count = Math.floor(rest_ms / unit_ms);
    rest_ms -= count * unit_ms;
    text += count === 0 ? '' : `${count}${unit}`;
  }
  return text === '' ? '0s' : text;
}
