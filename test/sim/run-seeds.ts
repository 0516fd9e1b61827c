// SPDX-License-Identifier: Apache-2.0
// Runs many seeds, or one with its trace. Set by the environment (see test/sim.mjs).
import { availableParallelism } from 'node:os';
import { RARE_SITUATIONS } from './coverage-list.ts';
import { FAULT_KINDS, isFaultKind } from './faults/fault-kinds.ts';
import { Coverage } from './kernel/coverage.ts';
import { replayOf } from './replay.ts';
import { runSeeds, type SeedOutcome } from './worker-pool.ts';

const SHOWN_MAX = 20;

function faultsOf(words: string | undefined): readonly string[] | undefined {
  if (words === undefined || words === '') {
    return undefined;
  }
  const kinds = words.split(/[\s,]+/).filter((word) => word !== '' && word !== 'none');
  const unknown = kinds.find((word) => !isFaultKind(word.replace(/^-/, '')));
  if (unknown !== undefined) {
    throw new RangeError(
      `there is no fault ${unknown}; there are: ${FAULT_KINDS.join(' ')}, and each with - before it`,
    );
  }
  const without = kinds.filter((word) => word.startsWith('-')).map((word) => word.slice(1));
  return without.length > 0 ? FAULT_KINDS.filter((kind) => !without.includes(kind)) : kinds;
}

async function main(): Promise<void> {
  const { SEED, SEEDS, TRACE, FAULTS, WORKERS } = process.env;
  const [bundle = ''] = process.argv.slice(2);
  const faults = faultsOf(FAULTS);
  const traced = TRACE !== undefined && TRACE !== '' && TRACE !== '0';
  const count = Number(SEEDS ?? '') || (SEED === undefined || SEED === '' ? 200 : 1);
  const first = SEED === undefined || SEED === '' ? `${Date.now() % 1_000_000_000}` : SEED;
  const seeds = Array.from({ length: count }, (_, place) => (count === 1 ? first : `${first}.${place}`));
  const workers = traced ? 1 : Math.min(count, Number(WORKERS ?? '') || availableParallelism());
  const coverage = new Coverage();
  const began_ms = performance.now();
  let [done, failed, events, committed, calls] = [0, 0, 0, 0, 0];
  const fail = (seed: string, why: string): void => {
    failed += 1;
    if (failed <= SHOWN_MAX) {
      process.stdout.write(`seed ${seed} FAILED: ${why}\n  ${replayOf(seed, FAULTS)}\n`);
    }
  };
  const onOutcome = (outcome: SeedOutcome): boolean => {
    done += 1;
    if (outcome.kind === 'broken') {
      fail(outcome.seed, outcome.why);
      return true;
    }
    const { result } = outcome;
    events += result.events;
    committed += result.committed;
    calls += result.answered;
    coverage.merge(result.coverage);
    if (result.violation !== undefined) {
      fail(result.seed, result.violation);
    }
    if (done % 500 === 0) {
      const rate = (done / (performance.now() - began_ms)) * 1_000;
      process.stdout.write(`${done} seeds, ${failed} failed, ${rate.toFixed(1)} a second\n`);
    }
    return true;
  };
  const request = { trace: traced ? 'print' : 'off', ...(faults === undefined ? {} : { faults }) } as const;
  const onLine = (line: string): void => void process.stdout.write(`${line}\n`);
  await runSeeds({ bundle, workers, request, onLine }, seeds, onOutcome);
  const seconds = (performance.now() - began_ms) / 1_000;
  process.stdout.write(
    `${done} seeds from ${first}: ${failed} failed; ${events} events, ${committed} entries committed, ` +
      `${calls} calls answered in ${seconds.toFixed(1)} s\n`,
  );
  if (count > 1) {
    const never = RARE_SITUATIONS.filter((name) => coverage.count(name) === 0);
    process.stdout.write(
      `never occurred: ${never.length === 0 ? 'nothing of the list' : never.join(', ')}\n`,
    );
  }
  if (process.env['COVERAGE'] === '1') {
    coverage
      .entries()
      .forEach(([name, times]) => process.stdout.write(`${String(times).padStart(9)} ${name}\n`));
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

main().catch((thrown: unknown) => {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
});
