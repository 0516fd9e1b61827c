// SPDX-License-Identifier: Apache-2.0
// A few inputs for each parser; `make fuzz` tries far more.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fuzzTarget } from '../../fuzz/fuzz-target.ts';
import { TARGETS } from '../../fuzz/targets/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const RUNS = 200;

describe('of any input at all', () => {
  // What is refused has a stack, which nobody reads here and which costs more than to parse.
  const { stackTraceLimit } = Error;
  before(() => {
    Error.stackTraceLimit = 0;
  });
  after(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });

  for (const target of TARGETS) {
    test(`${target.name} makes what it promises, or the refusal that it promises`, async (t) => {
      const random = new SeededRandom();
      t.diagnostic(random.description);
      const { failures } = await fuzzTarget(target, { runs: RUNS, random });
      assert.deepEqual(
        failures.map(({ input, what }) => `${what}: ${input.toString('hex')}`),
        [],
      );
    });
  }
});
