// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { OneShotState, OneShotTask } from '../../../src/engine/index.ts';
import { type Reader, readValues, valuesIn } from '../../../src/import/read-values.ts';
import { librariesIn } from '../../../src/import/reader-image.ts';
import { fileHeader } from '../../../src/import/tar.ts';

const SECRETS = ['a', 'b'].map((name) => ({
  id: `id-${name}`,
  name,
  driver: undefined,
  labels: {},
  createdAt: '',
  versionIndex: 1,
}));
const OUTPUT = Buffer.from([0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 9]);

/** A swarm whose task is in one of these states after the other, a second apart; the last one stays. */
class PlayedTasks {
  readonly started: OneShotTask[] = [];
  removals = 0;
  output = Buffer.from(OUTPUT);
  now_ms = 0;
  readonly #states: readonly (OneShotState | undefined)[];

  constructor(states: readonly (OneShotState | undefined)[]) {
    this.#states = states;
  }

  reader(): Reader {
    const pause = async (): Promise<void> => {
      this.now_ms += 1_000;
    };
    return { tasks: this, imageId: 'sha256:1', nodeId: 'n1', monotonic_ms: () => this.now_ms, pause };
  }

  async start(task: OneShotTask): Promise<string> {
    this.started.push(task);
    return 's1';
  }

  async state(): Promise<OneShotState | undefined> {
    return this.#states[Math.min(this.now_ms / 1_000, this.#states.length - 1)];
  }

  async run(): Promise<Buffer> {
    return this.output;
  }

  async removeTasks(): Promise<void> {
    this.removals += 1;
  }
}

function state(name: string, problem = '', containerId?: string): OneShotState {
  return { state: name, problem, containerId };
}

test('the values come in the order of the secrets, once the task runs; then it is gone, and what it said is wiped', async () => {
  const tasks = new PlayedTasks([undefined, state('preparing'), state('running', '', 'c1')]);
  const values = await readValues(tasks.reader(), SECRETS);
  assert.deepEqual(
    values.map((value) => [...value.expose()]),
    [[7, 8], [9]],
  );
  assert.equal(tasks.removals, 1);
  assert.ok(tasks.output.every((byte) => byte === 0));
  assert.deepEqual(
    tasks.started.map(({ imageId, nodeId, secrets }) => [imageId, nodeId, secrets.map(({ file }) => file)]),
    [['sha256:1', 'n1', ['0', '1']]],
  );
});

const REFUSED: readonly (readonly [what: string, states: readonly OneShotState[], says: RegExp])[] = [
  [
    'is drained',
    [state('pending', 'no suitable node (1 node not available for new tasks)')],
    /the swarm gives no task to this node: no suitable node \(1 node/,
  ],
  ['lets it fail', [state('failed', 'out of memory')], /does not run: it is failed: out of memory/],
  ['never starts it', [state('preparing', 'preparing')], /does not run: it is preparing/],
];

for (const [what, states, says] of REFUSED) {
  test(`a node that ${what} is told of, and the task is gone`, async () => {
    const tasks = new PlayedTasks(states);
    await assert.rejects(
      readValues(tasks.reader(), SECRETS),
      (error) => error instanceof CofferError && error.code === 'import.refused' && says.test(error.detail),
    );
    assert.equal(tasks.removals, 1);
    assert.ok(tasks.now_ms <= 62_000, 'the wait has an end');
  });
}

const BROKEN: readonly (readonly [what: string, output: readonly number[]])[] = [
  ['ends within a value', [0, 0, 0, 2, 7, 8, 0, 0, 0, 3, 9]],
  ['ends within a length', [0, 0, 0, 2, 7, 8, 0, 0]],
  ['has one value less', [0, 0, 0, 2, 7, 8]],
  ['has one value more', [...OUTPUT, 0, 0, 0, 1, 5]],
  ['is empty', []],
];

for (const [what, output] of BROKEN) {
  test(`output that ${what} is refused`, () => {
    assert.throws(() => valuesIn(Buffer.from(output), 2), /has not said all of them/);
  });
}

test('the libraries of the runtime are those that the loader names, without what is in the kernel', () => {
  const trace = [
    '\tlinux-vdso.so.1 (0x00007fe327aa6000)',
    '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007fe32753e000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007fe327aa8000)',
  ].join('\n');
  assert.deepEqual(
    librariesIn(trace).map(({ name, source }) => `${source} ${name}`),
    [
      '/lib/x86_64-linux-gnu/libc.so.6 lib/x86_64-linux-gnu/libc.so.6',
      '/lib64/ld-linux-x86-64.so.2 lib64/ld-linux-x86-64.so.2',
    ],
  );
  assert.deepEqual(librariesIn('v24.0.0\n'), [], 'a runtime without any');
});

test('the head of a file in the archive has its sum, and a path that has no room there is refused', () => {
  const header = fileHeader('node', 98_932_688);
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  assert.equal(Number.parseInt(header.toString('latin1', 148, 154), 8), sum);
  assert.equal(Number.parseInt(header.toString('latin1', 124, 135), 8), 98_932_688);
  assert.throws(() => fileHeader('x'.repeat(101), 1), /more than 100 bytes/);
});
