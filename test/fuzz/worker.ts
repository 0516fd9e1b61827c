// SPDX-License-Identifier: Apache-2.0
// One target in a thread of its own, so that one that hangs or eats the heap ends nothing else.
import { parentPort, workerData } from 'node:worker_threads';
import { SeededRandom } from '../support/seeded-random.ts';
import { CoverageNovelty } from './coverage.ts';
import { fuzzTarget } from './fuzz-target.ts';
import { SharedInput } from './shared-input.ts';
import { TARGETS } from './targets/index.ts';

export interface WorkerJob {
  readonly target: string;
  readonly runs: number;
  readonly seed: number;
  readonly coverage: boolean;
  /** Of a `SharedInput`. */
  readonly memory: SharedArrayBuffer;
}

/** What the worker tells when it is done. */
export interface WorkerReport {
  readonly inputs: number;
  readonly taken: number;
  readonly kept: number;
  readonly failures: readonly {
    readonly what: string;
    readonly input: Uint8Array;
    readonly thrown: string;
  }[];
}

export async function runWorker(): Promise<void> {
  const { coverage, memory, runs, seed, target: name } = workerData as WorkerJob;
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) {
    throw new Error(`there is no target ${name}`);
  }
  Error.stackTraceLimit = 0;
  const shared = new SharedInput(memory);
  const novelty = coverage ? await CoverageNovelty.begin() : undefined;
  const { failures, inputs, kept, taken } = await fuzzTarget(target, {
    runs,
    random: new SeededRandom(seed),
    onInput: (input) => shared.put(input),
    ...(novelty !== undefined && { novelty }),
  });
  shared.clear();
  const report: WorkerReport = {
    inputs,
    taken,
    kept,
    failures: failures.map(({ input, thrown, what }) => ({ input, what, thrown: String(thrown) })),
  };
  parentPort?.postMessage(report);
}
