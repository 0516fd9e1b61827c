// SPDX-License-Identifier: Apache-2.0
// Properties that are tried with the seed of all random tests, so that TEST_SEED repeats them too.
import type { TestContext } from 'node:test';
import * as fc from 'fast-check';
import { SeededRandom } from './seeded-random.ts';

/** Asserts that `property` holds in `runs` random cases. The seed is printed. */
export function assertProperty<Case>(t: TestContext, runs: number, property: fc.IProperty<Case>): void {
  const random = new SeededRandom();
  t.diagnostic(`${random.description}, ${runs} cases`);
  fc.assert(property, { seed: random.seed, numRuns: runs });
}
