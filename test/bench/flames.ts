// SPDX-License-Identifier: Apache-2.0
// Flame graphs of the hot paths, from real runs of the benchmarks: docs/images/flame-*.svg.
//
//   node test/bench/flames.mjs [--kept] [NAME ...]     --kept: from the profiles that the last run has left
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../support/project.ts';
import { type CpuProfile, cutTo, flameGraph, type Frame, frameTree } from './flame-graph.ts';
import { sourcesByMap } from './flame-sources.ts';
import { phasesIn } from './phases.ts';

/** Of a picture, in bytes: who looks at it on a page waits for it. */
const PICTURE_BYTES_MAX = 150_000;
/** Pixels: what is narrower is left out, and more where the picture would be too large. */
const NARROWEST = 1;
const KEPT = '--kept';
const DAEMON = /coffer-daemon\.cjs$/;

interface Wanted {
  /** By the name of the picture. */
  readonly phases: Readonly<Record<string, string>>;
  /** What `run.mjs` is told. */
  readonly words: readonly string[];
}

const RUNS: readonly Wanted[] = [
  {
    words: ['cluster', 'coffer', '--quick', '--no-failover'],
    phases: { put: 'write', 'get-secret': 'read' },
  },
  { words: ['catch-up', '--quick', '20000'], phases: { 'catch-up': 'entries', 'catch-up-state': 'state' } },
  { words: ['agents', '--quick', '500'], phases: { push: 'push' } },
  { words: ['start', '50000'], phases: { start: 'start' } },
];

/** The phase as the daemon saw it that worked most in it. */
function busiest(directory: string, phase: string): Frame {
  const stretches = phasesIn(directory).get(phase) ?? [];
  const findSource = sourcesByMap();
  const trees = readdirSync(directory)
    .filter((file) => file.endsWith('.cpuprofile'))
    .map((file) => JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as CpuProfile)
    .filter(({ nodes }) => nodes.some(({ callFrame }) => DAEMON.test(callFrame.url)))
    .map((profile) => frameTree(cutTo(profile, stretches), findSource));
  const [most] = trees.sort((a, b) => b.total_us - a.total_us);
  if (most === undefined || most.total_us === 0) {
    throw new Error(`no daemon has worked in the phase ${phase}`);
  }
  return most;
}

/** As much of it as fits. */
function picture(tree: Frame): string {
  for (let narrowest = NARROWEST; ; narrowest *= 1.5) {
    const svg = flameGraph(tree, narrowest);
    if (svg.length <= PICTURE_BYTES_MAX) {
      return svg;
    }
  }
}

/** Runs the benchmark, whose processes leave their profiles in the directory. */
function runProfiled(words: readonly string[], directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const args = [path.join('test', 'bench', 'run.mjs'), ...words, '--profile', directory];
  const stdio = ['ignore', 'inherit', 'inherit'] as const;
  const { status } = spawnSync(process.execPath, args, { cwd: projectRoot(), stdio: [...stdio] });
  if (status !== 0) {
    throw new Error(`\`${words.join(' ')}\` ended with ${status ?? 'a signal'}`);
  }
}

const [, , ...typed] = process.argv;
const names = typed.filter((word) => word !== KEPT);
const known = RUNS.flatMap(({ phases }) => Object.keys(phases));
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`there is no picture ${unknown}: ${known.join(', ')}\n`);
  process.exit(2);
}
const root = projectRoot();
for (const { phases, words } of RUNS) {
  const wanted = Object.entries(phases).filter(([name]) => names.length === 0 || names.includes(name));
  if (wanted.length === 0) {
    continue;
  }
  const directory = path.join(root, 'build', 'flames', words.join('-'));
  if (!typed.includes(KEPT)) {
    runProfiled(words, directory);
  }
  for (const [name, phase] of wanted) {
    const file = path.join('docs', 'images', `flame-${name}.svg`);
    writeFileSync(path.join(root, file), picture(busiest(directory, phase)));
    process.stdout.write(`${file}\n`);
  }
}
