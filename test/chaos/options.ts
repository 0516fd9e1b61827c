// SPDX-License-Identifier: Apache-2.0
// What whoever starts a run has asked for, in the environment.
import { FAULT_KINDS, type FaultKind, isFaultKind } from './fault-kinds.ts';

export interface ChaosOptions {
  readonly duration_ms: number;
  readonly seed: number;
  readonly faults: readonly FaultKind[];
}

const DEFAULT_DURATION = '10m';
const SEEDS = 1_000_000;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** Reads DURATION, SEED and FAULTS; throws a sentence on what is wrong. Without a seed, `now_ms` makes one. */
export function readOptions(
  environment: Readonly<Record<string, string | undefined>>,
  now_ms: number,
): ChaosOptions {
  const { DURATION = '', SEED = '', FAULTS = '' } = environment;
  return {
    duration_ms: durationOf(DURATION === '' ? DEFAULT_DURATION : DURATION),
    seed: SEED === '' ? now_ms % SEEDS : seedOf(SEED),
    faults: faultsOf(FAULTS),
  };
}

function durationOf(words: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smh])$/.exec(words) ?? [];
  const unit_ms = UNITS[unit];
  if (unit_ms === undefined || Number(count) === 0) {
    throw new RangeError(`DURATION is a number and a unit, as in 90s, 30m or 2h, and not ${words}`);
  }
  return Number(count) * unit_ms;
}

function seedOf(words: string): number {
  if (!/^\d{1,9}$/.test(words)) {
    throw new RangeError(`SEED is a number of at most nine digits, and not ${words}`);
  }
  return Number(words);
}

/** `kill-plugin,partition` are these alone, `-clock` all but that one. */
function faultsOf(words: string): readonly FaultKind[] {
  const named = words.split(/[\s,]+/).filter((word) => word !== '');
  const without = named.filter((word) => word.startsWith('-')).map((word) => kindOf(word.slice(1)));
  const only = named.filter((word) => !word.startsWith('-')).map(kindOf);
  const chosen = FAULT_KINDS.filter(
    (kind) => (only.length === 0 || only.includes(kind)) && !without.includes(kind),
  );
  if (chosen.length === 0) {
    throw new RangeError(`FAULTS leaves none of: ${FAULT_KINDS.join(' ')}`);
  }
  return chosen;
}

function kindOf(word: string): FaultKind {
  if (!isFaultKind(word)) {
    throw new RangeError(
      `there is no fault ${word}; there are: ${FAULT_KINDS.join(' ')}, and each with - before it`,
    );
  }
  return word;
}
