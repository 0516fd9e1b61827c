// SPDX-License-Identifier: Apache-2.0

/** The command that repeats a seed, with all that happens. */
export function replayOf(seed: string, faults?: string): string {
  return `make sim SEED='${seed}' TRACE=1${faults === undefined || faults === '' ? '' : ` FAULTS='${faults}'`}`;
}
