// SPDX-License-Identifier: Apache-2.0
// Runs the benchmarks, one after the other.
//
//   node test/bench/run.mjs             all
//   node test/bench/run.mjs daemon ...  coffer beside the engine's own secrets (root, an engine)
//   node test/bench/run.mjs raft ...    the replicated log; see raft-bench.ts for its words
//   node test/bench/run.mjs keys ...    a rotation of a data key, and backups (root); see keys-bench.ts for its words
//   node test/bench/run.mjs plan        what it costs to decide which node is due which secrets
//   node test/bench/run.mjs cluster ... three managers beside etcd and Swarm (root); see cluster-bench.ts for its words
//   node test/bench/run.mjs agents ...  a thousand agents on one manager; see agents-bench.ts for its words
//   node test/bench/run.mjs start ...   starts of a manager with many secrets; see start-bench.ts for its words
//   node test/bench/run.mjs catch-up .. managers that were away; see catch-up-bench.ts for its words
//
// With `--json FILE` each row of a table is written to that file too, as a line of JSON.
//
// With --profile DIR behind, each process that takes part and ends in order leaves its profile there, with a flame graph (.svg) and
// the functions that took the most time (.txt).
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { runProgram } from '../support/run-program.mjs';

const programs = {
  daemon: 'test/bench/bench.ts',
  raft: 'test/bench/raft-bench.ts',
  keys: 'test/bench/keys-bench.ts',
  plan: 'test/bench/planner-bench.ts',
  cluster: 'test/bench/cluster-bench.ts',
  agents: 'test/bench/agents-bench.ts',
  start: 'test/bench/start-bench.ts',
  'catch-up': 'test/bench/catch-up-bench.ts',
};

/** The words without `--profile DIR`, and that directory, if there is one. */
function splitProfile(words) {
  const at = words.indexOf('--profile');
  return at < 0
    ? { words }
    : { words: words.toSpliced(at, 2), profiles: path.resolve(words[at + 1] ?? 'build/profiles') };
}

const { words: typed, profiles } = splitProfile(process.argv.slice(2));
const flags = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
if (profiles !== undefined) {
  mkdirSync(profiles, { recursive: true });
}
const [which, ...words] = typed;
if (which !== undefined && !(which in programs)) {
  process.stderr.write(`there is no benchmark ${which}: ${Object.keys(programs).join(', ')}\n`);
  process.exitCode = 1;
} else {
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      interrupted = true;
    });
  }
  for (const [name, entry] of Object.entries(programs)) {
    if (!interrupted && (which === undefined || which === name)) {
      const code = await runProgram(entry, words, { flags });
      process.exitCode ||= code;
      process.stdout.write('\n');
    }
  }
  if (profiles !== undefined && !interrupted) {
    process.exitCode ||= await runProgram('test/bench/flame.ts', [profiles]);
  }
}
