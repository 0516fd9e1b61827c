// SPDX-License-Identifier: Apache-2.0
// Simulated clusters under faults: seeds that once found something, and fresh ones at each run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { projectRoot } from '../support/project.ts';
import { replayOf } from './replay.ts';
import { buildSimulator } from './simulator-bundle.ts';
import { runSeeds } from './worker-pool.ts';

const FRESH_SEEDS = Number(process.env['SIM_SEEDS'] ?? '200');
const WORKERS = 2;

/** A seed that found something, and what. Later changes of the simulator give its seeds other runs: they stay as they are. */
interface RegressionSeed {
  readonly seed: string;
  readonly found: string;
}

function regressionSeeds(): readonly RegressionSeed[] {
  const file = path.join(projectRoot(), 'test', 'sim', 'regression-seeds.json');
  return JSON.parse(readFileSync(file, 'utf8')) as readonly RegressionSeed[];
}

describe('a simulated cluster under faults keeps its promises', () => {
  let bundle: string;

  before(async () => {
    bundle = await buildSimulator('seeds');
  });

  async function runAll(seeds: readonly string[]): Promise<number> {
    const failures: string[] = [];
    let events = 0;
    await runSeeds({ bundle, workers: WORKERS, request: {} }, seeds, (outcome) => {
      const [seed, why] =
        outcome.kind === 'broken'
          ? [outcome.seed, outcome.why]
          : [outcome.result.seed, outcome.result.violation];
      events += outcome.kind === 'result' ? outcome.result.events : 0;
      if (why !== undefined) {
        failures.push(`seed ${seed}: ${why}\n  ${replayOf(seed)}`);
      }
      return failures.length < 5;
    });
    assert.equal(failures.length, 0, failures.join('\n'));
    return events;
  }

  test('in the seeds that once found something', async () => {
    await runAll(regressionSeeds().map(({ seed }) => seed));
  });

  test(`in ${FRESH_SEEDS} fresh seeds`, async (t) => {
    const base = process.env['SIM_SEED'] ?? `${Date.now() % 1_000_000_000}`;
    t.diagnostic(`seeds ${base}.0 to ${base}.${FRESH_SEEDS - 1} (SIM_SEED=${base} repeats them)`);
    const events = await runAll(Array.from({ length: FRESH_SEEDS }, (_, place) => `${base}.${place}`));
    t.diagnostic(`${events} events`);
  });
});
