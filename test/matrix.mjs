// SPDX-License-Identifier: Apache-2.0
// Runs the live tests against several Docker Engines, one after the other, and ends with a table of what passed.
//
//   ENGINES="machine 26.1" node test/matrix.mjs [FILTER...]     `machine` is this machine's own engine; by default all that are known
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { debianEngines } from './support/debian-engines.mjs';

const MACHINE = 'machine';
/** Says which engine it was, and which command lines were there (it tells so by a diagnostic). */
const HARNESS = 'live/engine-harness';
const VERSIONS = /^engine ([\d.]+)\S*, API (\S+ to \S+), CLI (.*)$/;

/** The run that goes on. A signal is passed on to it, and the table comes when it has ended its tests. */
let running;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true;
    running?.kill(signal);
  });
}

function enginesOf(text) {
  const wanted = text.trim() === '' ? [MACHINE, ...debianEngines] : text.trim().split(/\s+/);
  const unknown = wanted.filter((word) => word !== MACHINE && !debianEngines.includes(word));
  if (unknown.length > 0) {
    process.stderr.write(
      `there is no engine ${unknown.join(' and no ')}; ENGINES can be ${[MACHINE, ...debianEngines].join(', ')}\n`,
    );
    process.exit(2);
  }
  return wanted;
}

/** Runs the tests against one engine; undefined when the run said itself why there is nothing to tell. */
async function runAgainst(engine, filters, file) {
  process.stdout.write(`\n=== Docker Engine: ${engine === MACHINE ? "this machine's own" : engine}\n`);
  rmSync(file, { force: true });
  const choice = engine === MACHINE ? [] : ['--engine', engine];
  const args = ['--require-live', ...choice, '--results', file, HARNESS, ...filters];
  running = spawn(process.execPath, [path.join(import.meta.dirname, 'run.mjs'), ...args], {
    // A terminal's interrupt reaches it by this process alone, and so once.
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await new Promise((resolve) => running.once('close', resolve));
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function rowOf(engine, summary) {
  const [, version = engine, api = '?', clis = '?'] =
    summary?.told.map((line) => VERSIONS.exec(line)).find((match) => match !== null) ?? [];
  const { passed = 0, failed = 1, skipped = 0 } = summary ?? {};
  return [version, api, clis, passed, failed, skipped].map(String);
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |\n`;
  const [head, ...body] = rows.map(line);
  return `${head}${line(widths.map((width) => '-'.repeat(width)))}${body.join('')}`;
}

/** Every reason once, with how many tests it skipped. */
function skipLines(summary) {
  const counts = new Map();
  for (const { reason } of summary?.skips ?? []) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `  skipped: ${count}, ${reason}\n`).join('');
}

const engines = enginesOf(process.env.ENGINES ?? '');
const filters = process.argv.length > 2 ? process.argv.slice(2) : ['live'];
const directory = mkdtempSync(path.join(tmpdir(), 'coffer-matrix-'));
const outcomes = [];
try {
  for (const engine of engines) {
    if (!interrupted) {
      const summary = await runAgainst(engine, filters, path.join(directory, 'results.json'));
      outcomes.push({ engine, summary });
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const head = ['engine', 'API', 'CLI', 'passed', 'failed', 'skipped'];
process.stdout.write(`\n${table([head, ...outcomes.map(({ engine, summary }) => rowOf(engine, summary))])}`);
for (const { engine, summary } of outcomes) {
  const failures = (summary?.failures ?? []).map(({ title, name }) => `  failed: ${title}: ${name}\n`);
  const reasons = failures.join('') + skipLines(summary);
  if (reasons !== '') {
    process.stdout.write(`${engine}:\n${reasons}`);
  }
}
const wellDone = outcomes.every(({ summary }) => summary !== undefined && summary.failed === 0);
process.exitCode = interrupted || !wellDone ? 1 : 0;
