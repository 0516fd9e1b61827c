// SPDX-License-Identifier: Apache-2.0
// A process that is killed in the middle of its writes, again and again, on the same state directory.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { SecretValue } from '../../../src/common/index.ts';
import {
  atProcessEnd,
  killProcess,
  temporaryDirectory,
  type TemporaryDirectory,
} from '../../support/cleanup.ts';
import { buildTestProgram } from '../../support/program.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { openTestStore, withStore } from '../../support/test-store.ts';
import { VALUE_CANARY, valueOf } from '../../support/written-values.ts';

const ROUNDS = 28;
const ROTATING_ROUNDS = 16;
const FIRST_STARTS = 15;

/** What is known of each name by what the killed processes said. */
type Known = Map<string, 'tried' | 'acknowledged' | 'leaving' | 'removed'>;

const STATE_OF_WORD = { try: 'tried', put: 'acknowledged', forget: 'leaving', removed: 'removed' } as const;

let temporary: TemporaryDirectory;
let program: string;

before(async () => {
  temporary = temporaryDirectory();
  program = await buildTestProgram('store-writer');
});
after(() => temporary.remove());

/** When a writer is killed: after so many acknowledgements, or so long after its start, often before it is open. */
type Moment = { readonly acknowledgements: number } | { readonly delay_ms: number };

/** Starts the writer and kills it; `known` learns what it said. */
async function runAndKill(
  state: string,
  round: number,
  concurrency: number,
  moment: Moment,
  known: Known,
  more: readonly string[] = [],
): Promise<number> {
  const words = [program, state, `${round}`, `${concurrency}`, ...more];
  const child: ChildProcess = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { pid, stdout, stderr } = child;
  assert.ok(pid !== undefined && stdout !== null && stderr !== null);
  const forget = atProcessEnd(() => killProcess(pid));
  let complaint = '';
  stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString('utf8');
  });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let left = 'acknowledgements' in moment ? moment.acknowledgements : Number.POSITIVE_INFINITY;
  let rotations = 0;
  if ('delay_ms' in moment) {
    setTimeout(() => killProcess(pid), moment.delay_ms);
  }
  for await (const line of createInterface({ input: stdout })) {
    const [word = '', name = ''] = line.split(' ');
    if (word in STATE_OF_WORD) {
      known.set(name, STATE_OF_WORD[word as keyof typeof STATE_OF_WORD]);
    }
    left -= word === 'put' ? 1 : 0;
    rotations += word === 'rotated' ? 1 : 0;
    if (left === 0) {
      killProcess(pid);
    }
  }
  const [code, signal] = await exited;
  forget();
  assert.deepEqual([code, signal], [null, 'SIGKILL'], `round ${round} ended by itself: ${complaint}`);
  return rotations;
}

async function verify(state: string, known: Known): Promise<void> {
  await withStore(state, async (store) => {
    const there = new Set(store.list().map(({ name }) => name));
    for (const [name, what] of known) {
      assert.ok(what !== 'acknowledged' || there.has(name), `${name} was acknowledged`);
      assert.ok(what !== 'removed' || !there.has(name), `the removal of ${name} was acknowledged`);
    }
    for (const { id, name, versions } of store.list()) {
      assert.ok(known.has(name), `${name} was stored by someone`);
      assert.deepEqual(
        versions.map(({ number }) => number),
        [1],
      );
      assert.ok(store.readValue(id, 1).expose().equals(valueOf(name)), `${name} has its value`);
    }
  });
}

function filesUnder(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(directory, name))
    .filter((file) => statSync(file).isFile());
}

/** Throws if a file holds one of these texts, plain or as base64 or hexadecimal would show it. */
function assertNowhere(directory: string, texts: readonly Buffer[]): number {
  const files = filesUnder(directory);
  for (const file of files) {
    const content = readFileSync(file);
    for (const text of texts) {
      assert.ok(!content.includes(text), `${file} holds ${text.toString('latin1')}`);
    }
  }
  return files.length;
}

describe('a store whose process is killed', () => {
  test(`${ROUNDS} times under load: what was acknowledged is there, whole`, async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const state = path.join(temporary.path, 'killed');
    const known: Known = new Map();
    for (let round = 0; round < ROUNDS; round += 1) {
      const moment =
        round % 4 === 0 ? { delay_ms: 40 + random.below(120) } : { acknowledgements: 1 + random.below(150) };
      await runAndKill(state, round, random.pick([1, 4, 16, 64]), moment, known);
      await verify(state, known);
    }
    const count = [...known.values()].filter((what) => what === 'acknowledged').length;
    t.diagnostic(`${count} secrets acknowledged and there, ${known.size} tried`);
    assertNowhere(state, [Buffer.from(VALUE_CANARY), Buffer.from('-w0-')]);
  });

  test(`${ROTATING_ROUNDS} times while its data key is rotated: every start has the keys that it needs`, async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const state = path.join(temporary.path, 'rotated');
    const known: Known = new Map();
    let rotations = 0;
    for (let round = 0; round < ROTATING_ROUNDS; round += 1) {
      const moment = { acknowledgements: 1 + random.below(900) };
      rotations += await runAndKill(state, round, random.pick([1, 4, 16]), moment, known, ['rotating']);
      await verify(state, known);
    }
    t.diagnostic(`${rotations} rotations came to their end`);
    assert.ok(rotations > 0);
  });

  test('at its first start: the next one goes on, or begins anew', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    for (let round = 0; round < FIRST_STARTS; round += 1) {
      const state = path.join(temporary.path, `first-${round}`);
      const known: Known = new Map();
      await runAndKill(state, round, 4, { delay_ms: 30 + random.below(100) }, known);
      await verify(state, known);
    }
  });

  test('A31, A60: of 1,000 random values and their names, none is found in any file', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const state = path.join(temporary.path, 'canaries');
    const values = Array.from({ length: 1_000 }, () => random.bytes(24 + random.below(100)));
    const names = values.map((_, number) => `canary-name-${number}-${random.bytes(6).toString('hex')}`);
    const store = await openTestStore(state);
    try {
      await Promise.all(
        values.map((value, number) =>
          store.propose({
            kind: 'create',
            id: `canary-id-${number}`,
            name: names[number] ?? '',
            labels: { 'canary-label': 'canary-label-value' },
            origin: 'gateway',
            pending: true,
            value: SecretValue.copyOf(value),
            at_ms: 1,
          }),
        ),
      );
      const texts = [...values, ...names.map((name) => Buffer.from(name)), Buffer.from('canary')];
      const open = assertNowhere(state, texts.flatMap(encodings));
      await store.close();
      await withStore(state, async () => undefined);
      const closed = assertNowhere(state, texts.flatMap(encodings));
      assert.ok(open > 5 && closed > 5, 'there are files to search');
    } finally {
      await store.close();
    }
  });
});

function encodings(text: Buffer): readonly Buffer[] {
  // Base64 of the middle depends on where it begins: one alignment is enough to find a value written by itself.
  return [text, Buffer.from(text.toString('hex')), Buffer.from(text.toString('base64').slice(0, 16))];
}
