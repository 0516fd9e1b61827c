// SPDX-License-Identifier: Apache-2.0
// The program of test/fuzz.mjs; its threads run the same bundle.
import { existsSync, readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { targetOf, writeFound } from './found-files.ts';
import { Judge } from './judge.ts';
import { type FuzzSettings, settingsOf } from './settings.ts';
import { TARGETS } from './targets/index.ts';
import { runWatched, type WatchedReport } from './watch-worker.ts';
import { runWorker } from './worker.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function fuzzAll({ coverage, only, runs, seed, workers }: FuzzSettings): Promise<boolean> {
  const targets = TARGETS.filter(({ name }) => name.includes(only));
  if (targets.length === 0) {
    say(`no target has ${only} in its name; there are: ${TARGETS.map(({ name }) => name).join(' ')}`);
    return false;
  }
  say(`seed ${seed} (SEED=${seed} repeats it), ${runs} inputs for each of ${targets.length} targets`);
  const reports: WatchedReport[] = [];
  const waiting = targets.map(({ name }) => name);
  const work = async (): Promise<void> => {
    for (let target = waiting.shift(); target !== undefined; target = waiting.shift()) {
      const report = await runWatched(__filename, { target, runs, seed, coverage });
      reports.push(report);
      tell(report, `${reports.length} of ${targets.length}`);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  const inputs = reports.reduce((sum, report) => sum + report.inputs, 0);
  const failures = reports.reduce((sum, report) => sum + report.failures.length, 0);
  say(`${reports.length} targets, ${inputs} inputs, ${failures} failures`);
  return failures === 0;
}

function tell({ failures, inputs, kept, taken, target }: WatchedReport, place: string): void {
  const share = inputs === 0 ? 0 : Math.round((100 * taken) / inputs);
  say(
    `${failures.length === 0 ? '✓' : '✗'} ${target}: ${inputs} inputs, ${share} % taken, ${kept} kept (${place})`,
  );
  for (const { input, thrown, what } of failures) {
    const file = writeFound(target, Buffer.from(input));
    say(
      `    ${what}\n      ${thrown.slice(0, 300)}\n      ${input.length} bytes; replay: make fuzz REPLAY=${file}`,
    );
  }
}

async function replay(file: string, only: string): Promise<boolean> {
  if (!existsSync(file)) {
    say(`there is no file ${file}`);
    return false;
  }
  const name = only === '' ? targetOf(file) : only;
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) {
    say(`there is no target ${name}: name one with ONLY`);
    return false;
  }
  const judge = new Judge(target);
  const verdict = await judge.judge(readFileSync(file));
  judge.stop();
  await target.stop?.();
  say(`${target.name}: ${verdict.kind}${verdict.kind === 'failed' ? `: ${verdict.what}` : ''}`);
  if (verdict.kind !== 'taken') {
    process.stdout.write(
      `${verdict.thrown instanceof Error ? verdict.thrown.stack : String(verdict.thrown)}\n`,
    );
  }
  return verdict.kind !== 'failed';
}

async function main(): Promise<void> {
  const settings = settingsOf(process.env);
  const isFine =
    settings.replay === undefined ? await fuzzAll(settings) : await replay(settings.replay, settings.only);
  process.exitCode = isFine ? 0 : 1;
}

function fail(thrown: unknown): void {
  say(`fuzz: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  process.exitCode = 1;
}

void (isMainThread ? main().catch(fail) : runWorker());
