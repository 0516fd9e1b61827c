// SPDX-License-Identifier: Apache-2.0
// Runs seeds, one after another, in a process of its own. A request on the standard input, one JSON object a line, names
// the seeds and what is to be different; a line with a result on the standard output answers each seed.
import { createInterface } from 'node:readline';
import { isFaultKind } from './faults/fault-kinds.ts';
import type { ConfigOverrides } from './faults/sim-config.ts';
import { forbidEntropy } from './kernel/no-entropy.ts';
import type { TraceMode } from './kernel/trace.ts';
import { simulate, type SimulationResult } from './simulation.ts';

/** What a worker is asked for. */
export interface WorkerRequest {
  readonly seeds: readonly string[];
  readonly trace?: TraceMode;
  readonly faults?: readonly string[];
  readonly overrides?: ConfigOverrides;
}

/** What it answers for each seed. */
export interface WorkerResult extends Omit<SimulationResult, 'coverage' | 'config'> {
  readonly faults: readonly string[];
  readonly coverage: readonly (readonly [string, number])[];
}

async function run({ seeds, trace = 'off', faults, overrides }: WorkerRequest): Promise<void> {
  for (const seed of seeds) {
    const result = await simulate({
      seed,
      trace,
      print: (line) => process.stdout.write(`${line}\n`),
      ...(faults === undefined ? {} : { faults: faults.filter(isFaultKind) }),
      ...(overrides === undefined ? {} : { overrides }),
    });
    const { coverage, config, ...rest } = result;
    const answer: WorkerResult = {
      ...rest,
      faults: Object.keys(config.faults),
      coverage: coverage.entries(),
    };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

async function main(): Promise<void> {
  // The next request is not read before the last one is answered.
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  forbidEntropy();
  for (;;) {
    const line: IteratorResult<string> = await lines.next();
    if (line.done === true) {
      return;
    }
    await run(JSON.parse(line.value) as WorkerRequest);
  }
}

main().catch((thrown: unknown) => {
  process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`);
  process.exitCode = 1;
});
