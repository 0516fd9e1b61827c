// SPDX-License-Identifier: Apache-2.0
// Ages, sizes and counts, as docker writes them.
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../common/index.ts';

const SECOND_MS = 1_000;

/** From which duration on which unit is counted; below the first, there is nothing to count. */
const AGE_UNITS = [
  { from_ms: SECOND_MS, unit_ms: SECOND_MS, name: 'second' },
  { from_ms: 2 * MINUTE_MS, unit_ms: MINUTE_MS, name: 'minute' },
  { from_ms: 2 * HOUR_MS, unit_ms: HOUR_MS, name: 'hour' },
  { from_ms: 2 * DAY_MS, unit_ms: DAY_MS, name: 'day' },
  { from_ms: 14 * DAY_MS, unit_ms: 7 * DAY_MS, name: 'week' },
  { from_ms: 60 * DAY_MS, unit_ms: 30 * DAY_MS, name: 'month' },
  { from_ms: 730 * DAY_MS, unit_ms: 365 * DAY_MS, name: 'year' },
] as const;

/** A duration as docker words it: `5 seconds`, `About a minute`, `3 weeks`. */
export function humanDuration(duration_ms: number): string {
  if (duration_ms >= MINUTE_MS && duration_ms < 2 * MINUTE_MS) {
    return 'About a minute';
  }
  if (duration_ms >= HOUR_MS && duration_ms < 2 * HOUR_MS) {
    return 'About an hour';
  }
  const unit = AGE_UNITS.findLast(({ from_ms }) => duration_ms >= from_ms);
  if (unit === undefined) {
    return 'Less than a second';
  }
  const count = Math.floor(duration_ms / unit.unit_ms);
  return counted(count, unit.name);
}

/** How long ago something was: `2 minutes ago`. A clock that differs from the daemon's makes no negative age. */
export function humanAge(at_ms: number, now_ms: number): string {
  return `${humanDuration(Math.max(0, now_ms - at_ms))} ago`;
}

/** How long something lasts still: `expires in 3 months`, or since when it does not: `expired 2 hours ago`. */
export function humanValidity(notAfter_ms: number, now_ms: number): string {
  const text = expiryText(notAfter_ms, now_ms);
  return notAfter_ms <= now_ms ? text : `expires ${text}`;
}

/** Of a secret that is rotated by itself: `in 29 days`, or `due`. */
export function nextRotationText(nextAt_ms: number, now_ms: number): string {
  return nextAt_ms <= now_ms ? 'due' : `in ${humanDuration(nextAt_ms - now_ms).toLowerCase()}`;
}

/** Of a value that is not good for ever: `in 29 days`, or `expired 2 days ago`. */
export function expiryText(at_ms: number, now_ms: number): string {
  return at_ms <= now_ms
    ? `expired ${humanAge(at_ms, now_ms).toLowerCase()}`
    : `in ${humanDuration(at_ms - now_ms).toLowerCase()}`;
}

/** A size in powers of 1000 with three digits at most: `17B`, `1.5kB`, `512kB`, `1.07GB`. */
export function humanSize(size_bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = size_bytes;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${Number(size.toPrecision(3))}${units[unit] ?? ''}`;
}

/** `1 secret`, `2 secrets`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Text from elsewhere without what would steer a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
