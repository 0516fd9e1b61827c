// SPDX-License-Identifier: Apache-2.0

/** The least, the median, the ninth tenth and the most of what was measured, in whole milliseconds. */
export function describeTimes(times_ms: readonly number[]): string {
  const sorted = [...times_ms].sort((a, b) => a - b);
  const at = (share: number): string => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    return value === undefined ? '-' : `${Math.round(value)} ms`;
  };
  return `min ${at(0)}, p50 ${at(0.5)}, p90 ${at(0.9)}, max ${at(1)} of ${sorted.length}`;
}
