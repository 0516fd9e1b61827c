// SPDX-License-Identifier: Apache-2.0
// Keys and backups: what callers notice while a manager seals all that it has under a new data key, and how fast backups go.
//
//   node test/bench/run.mjs keys [--quick] [rotation] [backups]
import { mkdirSync, mkdtempSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { atProcessEnd, removeDirectory } from '../support/cleanup.ts';
import { projectRoot } from '../support/project.ts';
import { measureBackups } from './keys-backup.ts';
import { measureRotation } from './keys-rotation.ts';

const SECTIONS = { rotation: measureRotation, backups: measureBackups } as const;

async function main(words: readonly string[]): Promise<void> {
  // Not in /tmp, which is memory on some machines: a sync costs nothing there.
  const build = path.join(projectRoot(), 'build');
  mkdirSync(build, { recursive: true });
  const directory = mkdtempSync(path.join(build, 'bench-'));
  atProcessEnd(() => removeDirectory(directory));
  const [cpu] = cpus();
  process.stdout.write(
    `coffer's keys and backups, on one manager; ${cpus().length} x ${cpu?.model ?? 'unknown'}, Node ${process.version}\n`,
  );
  const quick = words.includes('--quick');
  const wanted = Object.entries(SECTIONS).filter(([name]) => words.includes(name));
  for (const [, measure] of wanted.length === 0 ? Object.entries(SECTIONS) : wanted) {
    await measure(directory, quick);
  }
}

main(process.argv.slice(2)).catch((thrown: unknown) => {
  process.stderr.write(
    `\nThe benchmark failed: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
  );
  process.exitCode = 1;
});
