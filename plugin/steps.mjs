// SPDX-License-Identifier: Apache-2.0
// How the build of the plugin runs things, tells of them, and gives up.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export function fail(sentence) {
  process.stderr.write(`plugin: ${sentence}\n`);
  process.exit(1);
}

/** Runs `work` with its name on the screen before it and its time after it. */
export function step(title, work) {
  process.stdout.write(`plugin: ${title} ... `);
  const startedAt = performance.now();
  const result = work();
  process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  return result;
}

export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024, ...options });
  if (result.error !== undefined || result.status !== 0) {
    process.stdout.write('\n');
    fail(`${program} ${args[0]} failed: ${result.error?.message ?? result.stderr.trim()}`);
  }
  return result.stdout;
}

export function digest(algorithm, file, encoding) {
  return createHash(algorithm).update(readFileSync(file)).digest(encoding);
}
