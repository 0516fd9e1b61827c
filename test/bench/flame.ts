// SPDX-License-Identifier: Apache-2.0
// Beside each profile of a directory: NAME.svg, a flame graph, and NAME.txt, the functions that took the most time; NAME.PHASE.svg and
// NAME.PHASE.txt likewise, for each phase that the benchmark has noted.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type CpuProfile, cutTo, flameGraph, frameTree, topFunctions } from './flame-graph.ts';
import { sourcesByMap } from './flame-sources.ts';
import { phasesIn } from './phases.ts';

const PROFILE = '.cpuprofile';
const FUNCTIONS_MAX = 60;

/** The bundle that has most of its functions. */
function programOf({ nodes }: CpuProfile): string {
  const counts = new Map<string, number>();
  for (const { callFrame } of nodes) {
    if (callFrame.url.endsWith('.cjs')) {
      const name = path.basename(callFrame.url);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'no program';
}

/** Writes the picture and the list of one profile. */
function draw(profile: CpuProfile, target: string): void {
  const tree = frameTree(profile, findSource);
  if (tree.total_us > 0) {
    writeFileSync(`${target}.svg`, flameGraph(tree));
    writeFileSync(`${target}.txt`, topFunctions(tree, FUNCTIONS_MAX));
    const work_s = (tree.total_us / 1_000_000).toFixed(1);
    process.stdout.write(`${target}.svg: ${programOf(profile)}, ${work_s} s of work\n`);
  }
}

const findSource = sourcesByMap();
const [, , directory = ''] = process.argv;
const profiles = readdirSync(directory).filter((file) => file.endsWith(PROFILE));
for (const file of profiles) {
  const profile = JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as CpuProfile;
  const target = path.join(directory, path.basename(file, PROFILE));
  draw(profile, target);
  for (const [name, stretches] of phasesIn(directory)) {
    draw(cutTo(profile, stretches), `${target}.${name}`);
  }
}
if (profiles.length === 0) {
  process.stderr.write(`no process has written a profile to ${directory}\n`);
  process.exitCode = 1;
}
