// SPDX-License-Identifier: Apache-2.0
// What `make fuzz` is told, and what its threads tell one another.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsOf } from '../../fuzz/settings.ts';
import { SharedInput } from '../../fuzz/shared-input.ts';

test('what is no number, or leaves nobody to work, is refused in a sentence that names it', () => {
  assert.deepEqual(
    { ...settingsOf({ RUNS: '0', SEED: '7', WORKERS: '1', ONLY: 'raft', REPLAY: '', COVERAGE: '0' }) },
    { runs: 0, seed: 7, only: 'raft', replay: undefined, coverage: false, workers: 1 },
  );
  assert.throws(() => settingsOf({ RUNS: 'many' }), { message: 'RUNS is a number from 0 on, not "many"' });
  assert.throws(() => settingsOf({ WORKERS: '0' }), { message: 'WORKERS is a number from 1 on, not "0"' });
});

test('a thread that has not begun is in no input, one that parses is in its last, and one that has ended in none', () => {
  const memory = SharedInput.memory();
  const [worker, watcher] = [new SharedInput(memory), new SharedInput(memory)];
  assert.deepEqual([watcher.count, watcher.input], [0, undefined]);
  worker.put(Buffer.from('long ago'));
  worker.put(Buffer.from('now'));
  assert.deepEqual([watcher.count, watcher.input], [2, Buffer.from('now')]);
  worker.clear();
  assert.deepEqual([watcher.count, watcher.input], [2, undefined]);
});
