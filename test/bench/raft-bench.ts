// SPDX-License-Identifier: Apache-2.0
// The benchmark of the replicated log on one node, beside etcd and a bare LevelDB, all in one run on one disk.
//
//   node test/bench/run.mjs raft [--quick] [throughput] [under-load] [growth]
import { mkdirSync, mkdtempSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { atProcessEnd, removeDirectory } from '../support/cleanup.ts';
import { projectRoot } from '../support/project.ts';
import { answerQuestions } from './raft-child.ts';
import { measureGrowth } from './raft-growth.ts';
import { levelRole } from './raft-level.ts';
import { storeRole } from './raft-store.ts';
import { measureThroughput } from './raft-throughput.ts';
import { measureUnderLoad } from './raft-under-load.ts';

const SECTIONS = {
  throughput: measureThroughput,
  'under-load': measureUnderLoad,
  growth: measureGrowth,
} as const;

async function main(words: readonly string[]): Promise<void> {
  // Not in /tmp, which is memory on some machines: a sync costs nothing there.
  const build = path.join(projectRoot(), 'build');
  mkdirSync(build, { recursive: true });
  const directory = mkdtempSync(path.join(build, 'bench-'));
  atProcessEnd(() => removeDirectory(directory));
  const [cpu] = cpus();
  process.stdout.write(
    `coffer's replicated log on one node; ${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.version}; ` +
      'medians of interleaved rounds\n',
  );
  const quick = words.includes('--quick');
  const wanted = Object.entries(SECTIONS).filter(([name]) => words.includes(name));
  for (const [, measure] of wanted.length === 0 ? Object.entries(SECTIONS) : wanted) {
    await measure(directory, quick);
  }
}

const [, , role = '', ...rest] = process.argv;
if (role === 'store') {
  answerQuestions(storeRole());
} else if (role === 'level') {
  answerQuestions(levelRole());
} else {
  main([role, ...rest]).catch((thrown: unknown) => {
    process.stderr.write(
      `\nThe benchmark failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
    process.exitCode = 1;
  });
}
