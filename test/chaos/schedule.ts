// SPDX-License-Identifier: Apache-2.0
// Which faults come, whom they meet and how long they last: a function of the seed and nothing else.
import { SeededRandom } from '../support/seeded-random.ts';
import { type FaultKind, meetsAll, type Target, TARGETS } from './fault-kinds.ts';

export interface PlannedFault {
  readonly kind: FaultKind;
  /** Where two faults meet the same one, the second goes to its neighbour. */
  readonly target: Target;
  /** From 0 to 99: how far, how full, how slow. */
  readonly strength: number;
}

/** Some quiet, then a fault or two at once, then all is healed. */
export interface Step {
  /** From 1. */
  readonly number: number;
  readonly calm_ms: number;
  readonly faults: readonly PlannedFault[];
  readonly hold_ms: number;
}

const CALM_MS = [2_000, 6_000] as const;
const HOLD_MS = [3_000, 10_000] as const;
/** One step in so many has two faults. */
const PAIRS = 4;

/**
 * The steps of a run, without an end. Each kind comes once before any comes again, so that a short run has as many as
 * there is time for.
 */
export function* scheduleOf(seed: number, kinds: readonly FaultKind[]): Generator<Step, never> {
  const random = new SeededRandom(seed);
  let bag: readonly FaultKind[] = [];
  const draw = (): FaultKind => {
    const pool = bag.length === 0 ? kinds : bag;
    const kind = random.pick(pool);
    bag = pool.filter((other) => other !== kind);
    return kind;
  };
  const fault = (): PlannedFault => ({
    kind: draw(),
    target: random.pick(TARGETS),
    strength: random.below(100),
  });
  const between = ([least, most]: readonly [number, number]): number => least + random.below(most - least);
  for (let number = 1; ; number += 1) {
    const calm_ms = between(CALM_MS);
    const faults = [fault()];
    if (random.below(PAIRS) === 0 && !faults.some(({ kind }) => meetsAll(kind))) {
      const second = fault();
      if (meetsAll(second.kind)) {
        bag = [...bag, second.kind];
      } else {
        faults.push(second);
      }
    }
    yield { number, calm_ms, faults, hold_ms: between(HOLD_MS) };
  }
}
