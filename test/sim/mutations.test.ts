// SPDX-License-Identifier: Apache-2.0
// The simulator is only as good as what it would find. Each of these bugs is planted, and must be found within a few seeds.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { projectRoot } from '../support/project.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';
import { buildSimulator } from './simulator-bundle.ts';
import { runSeeds } from './worker-pool.ts';

const SEEDS_MAX = 120;

interface Catch {
  readonly seed: string;
  readonly seeds: number;
  readonly by: string;
}

/** Runs seeds until one finds something. */
async function firstCatch(
  bundle: string,
  mutation: Mutation,
  seeds: readonly string[],
): Promise<Catch | undefined> {
  const { faults, overrides } = mutation;
  const request = {
    ...(faults === undefined ? {} : { faults }),
    ...(overrides === undefined ? {} : { overrides }),
  };
  let tried = 0;
  let caught: Catch | undefined;
  await runSeeds({ bundle, workers: 1, request }, seeds, (outcome) => {
    tried += 1;
    const seed = outcome.kind === 'broken' ? outcome.seed : outcome.result.seed;
    const by = outcome.kind === 'broken' ? outcome.why : outcome.result.violation;
    if (by !== undefined) {
      caught = { seed, seeds: tried, by };
    }
    return by === undefined;
  });
  return caught;
}

describe('of the bugs that are planted, the simulator finds', { concurrency: 2 }, () => {
  const table: string[] = [];
  let healthy: string;

  before(async () => {
    healthy = await buildSimulator('healthy');
  });
  after(() => {
    const file = path.join(projectRoot(), 'build', 'test', 'simulator', 'mutations.txt');
    writeFileSync(file, `${table.sort().join('\n')}\n`);
  });

  for (const [number, mutation] of MUTATIONS.entries()) {
    test(mutation.name, async (t) => {
      const bundle = await buildSimulator(`mutation-${number}`, mutation);
      const { firstSeed = 0 } = mutation;
      const others = Array.from({ length: SEEDS_MAX }, (_, seed) => seed).filter(
        (seed) => seed !== firstSeed,
      );
      const seeds = [firstSeed, ...others].map((seed) => `mutation ${seed}`);
      const caught = await firstCatch(bundle, mutation, seeds);
      assert.ok(caught !== undefined, `${SEEDS_MAX} seeds did not find it`);
      // Without the bug the same seed finds nothing: it is the bug that was found.
      assert.equal(await firstCatch(healthy, mutation, [caught.seed]), undefined);
      const [by = ''] = caught.by.split('\n');
      const line = `${mutation.name.padEnd(58)} ${String(caught.seeds).padStart(3)} seeds  ${by.slice(0, 150)}`;
      table.push(line);
      t.diagnostic(line);
    });
  }
});
