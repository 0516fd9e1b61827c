// SPDX-License-Identifier: Apache-2.0
// A seed is worth something only if it gives the same run again, to the last byte on every disk.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { RandomStream } from './kernel/random-stream.ts';
import { Scheduler } from './kernel/scheduler.ts';
import { buildSimulator } from './simulator-bundle.ts';
import type { WorkerResult } from './worker.ts';
import { runSeeds } from './worker-pool.ts';

const SEEDS = Array.from({ length: 8 }, (_, seed) => `determinism ${seed}`);

describe('a seed', () => {
  let bundle: string;
  let first: ReadonlyMap<string, WorkerResult>;

  before(async () => {
    bundle = await buildSimulator('determinism');
    first = await results(SEEDS, 'digest');
  });

  async function results(
    seeds: readonly string[],
    trace: 'off' | 'digest',
  ): Promise<Map<string, WorkerResult>> {
    const bySeed = new Map<string, WorkerResult>();
    await runSeeds({ bundle, workers: 2, request: { trace } }, seeds, (outcome) => {
      assert.ok(outcome.kind === 'result', outcome.kind === 'broken' ? outcome.why : '');
      bySeed.set(outcome.result.seed, outcome.result);
      return true;
    });
    return bySeed;
  }

  test('gives the same run in another process and after other seeds, byte for byte', async () => {
    const second = await results([...SEEDS].reverse(), 'digest');
    const digests = SEEDS.map((seed) => first.get(seed)?.digest);
    assert.deepEqual(
      SEEDS.map((seed) => second.get(seed)?.digest),
      digests,
    );
    assert.equal(new Set(digests).size, SEEDS.length, 'other seeds give other runs');
  });

  test('gives the same run whether it is traced or not', async () => {
    const facts = ({ events, virtual_us, calls, committed }: WorkerResult): readonly number[] => [
      events,
      virtual_us,
      calls,
      committed,
    ];
    const plain = await results(SEEDS, 'off');
    for (const seed of SEEDS) {
      const [one, other] = [first.get(seed), plain.get(seed)];
      assert.ok(one !== undefined && other !== undefined);
      assert.deepEqual(facts(one), facts(other), seed);
    }
  });
});

describe('a stream of random numbers', () => {
  test('depends on its path alone, and not on what was drawn from others', () => {
    const parent = new RandomStream('a');
    const early = parent.fork('x').u32();
    parent.u32();
    assert.equal(parent.fork('x').u32(), early);
    assert.notEqual(parent.fork('y').u32(), early);
  });

  test('spreads over its range', () => {
    const random = new RandomStream('spread');
    const counts = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 10_000; draw += 1) {
      const value = random.below(10);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    assert.ok(
      counts.every((count) => count > 850 && count < 1_150),
      counts.join(),
    );
  });
});

test('events happen in the order of their times, and those of one moment in the order in which they were asked for', async () => {
  const scheduler = new Scheduler();
  const random = new RandomStream('events');
  const happened: { readonly at: number; readonly order: number }[] = [];
  for (let order = 0; order < 2_000; order += 1) {
    const at = random.below(100);
    scheduler.after(at, () => happened.push({ at, order }));
  }
  scheduler.after(50, () => assert.fail('this was cancelled')).cancel();
  await scheduler.run(
    1_000,
    () => undefined,
    () => false,
  );
  const sorted = [...happened].sort((a, b) => a.at - b.at || a.order - b.order);
  assert.equal(happened.length, 2_000);
  assert.deepEqual(happened, sorted);
});
