// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError } from 'commander';
import { formatDuration, parseDuration_ms } from '../common/index.ts';

/** Reads the argument of an option that is a duration, both bounds included. */
export function durationBetween(min_ms: number, max_ms: number): (text: string) => number {
  return (text) => {
    const duration_ms = parseDuration_ms(text);
    if (duration_ms === undefined || duration_ms < min_ms || duration_ms > max_ms) {
      const bounds = `${formatDuration(min_ms)} to ${formatDuration(max_ms)}`;
      throw new InvalidArgumentError(`It is a duration from ${bounds}, such as 90m, 1h30m, 720h or 30d.`);
    }
    return duration_ms;
  };
}
