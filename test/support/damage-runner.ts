// SPDX-License-Identifier: Apache-2.0
// Runs the damage opener over many cases, in as many processes as half of the processors: other tests run beside them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { atProcessEnd, killProcess } from './cleanup.ts';
import type { Damage, DamageCase, DamageVerdict } from './damage-opener.ts';

/** Memory, where there is such a place: what is opened here is thrown away at once, and thousands of syncs take minutes. */
const MEMORY_DIRECTORY = '/dev/shm';
/** One refused start in so many is made a second time. */
const TWICE_EVERY = 7;

/** The verdict on each damage, in the order in which they are given. A process that dies is a verdict too. */
export async function runDamages(
  program: string,
  template: string,
  damages: readonly Damage[],
): Promise<readonly DamageVerdict[]> {
  const verdicts = new Map<number, DamageVerdict>();
  const cases = damages.map((damage, number): DamageCase => {
    return { number, damage, twice: number % TWICE_EVERY === 0 };
  });
  const width = Math.ceil(availableParallelism() / 2);
  const shares = Array.from({ length: width }, (_, share) =>
    cases.filter(({ number }) => number % width === share),
  );
  await Promise.all(shares.map((share) => runShare(program, template, share, verdicts)));
  return damages.map((_, number) => verdicts.get(number) ?? { kind: 'wrong', why: 'it was not opened' });
}

async function runShare(
  program: string,
  template: string,
  share: readonly DamageCase[],
  verdicts: Map<number, DamageVerdict>,
): Promise<void> {
  let left = share;
  while (left.length > 0) {
    const ended = await runProcess(program, template, left, verdicts);
    const open = left.filter(({ number }) => !verdicts.has(number));
    const [died] = open;
    if (died !== undefined) {
      verdicts.set(died.number, { kind: 'wrong', why: `the process ended: ${ended}` });
    }
    assert.ok(open.length < left.length, `the opener does nothing: ${ended}`);
    left = open.slice(1);
  }
}

/** Resolves with how the process ended; the first case without a verdict is the one that it died of. */
async function runProcess(
  program: string,
  template: string,
  cases: readonly DamageCase[],
  verdicts: Map<number, DamageVerdict>,
): Promise<string> {
  const directory = existsSync(MEMORY_DIRECTORY) ? MEMORY_DIRECTORY : tmpdir();
  const child = spawn(process.execPath, [program, template], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: directory },
  });
  const { pid, stdin, stdout, stderr } = child;
  assert.ok(pid !== undefined);
  const forget = atProcessEnd(() => killProcess(pid));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let complaint = '';
  stderr.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString('utf8')}`.slice(-2_000);
  });
  // A process that died takes no more input: how it ended says so.
  stdin.on('error', () => undefined);
  stdin.end(cases.map((one) => `${JSON.stringify(one)}\n`).join(''));
  for await (const line of createInterface({ input: stdout })) {
    const [word, number, verdict] = JSON.parse(line) as [string, number, DamageVerdict?];
    if (word === 'end' && verdict !== undefined) {
      verdicts.set(number, verdict);
    }
  }
  const [code, signal] = await exited;
  forget();
  return `exit code ${code}, signal ${signal}, ${complaint}`;
}
