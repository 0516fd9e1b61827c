// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import { TurnValues } from '../../../src/distribution/dispatcher/turn-values.ts';

/** A store that notes what it was asked for, and what it gave. */
function store(size_bytes = 5): {
  readonly values: TurnValues;
  readonly reads: string[];
  readonly given: Buffer[];
} {
  const reads: string[] = [];
  const given: Buffer[] = [];
  const values = new TurnValues((secretId, version) => {
    reads.push(`${secretId} ${version}`);
    const value = Buffer.alloc(size_bytes, 'v');
    given.push(value);
    return SecretValue.takeOver(value);
  });
  return { values, reads, given };
}

test('a value is opened once in a turn, each has a copy of its own, and the next turn opens it anew', async () => {
  const { reads, values } = store();
  const first = values.read('db', 1);
  first.wipe();
  const second = values.read('db', 1);
  assert.equal(second.expose().toString(), 'vvvvv');
  second.wipe();
  assert.equal(values.read('db', 1).expose().toString(), 'vvvvv');
  values.read('db', 2);
  assert.deepEqual(reads, ['db 1', 'db 2']);
  await nextTurn();
  values.read('db', 1);
  assert.deepEqual(reads, ['db 1', 'db 2', 'db 1']);
});

test('what was kept is forgotten at once when it is asked for', () => {
  const { reads, values } = store();
  values.read('db', 1);
  values.wipe();
  values.read('db', 1);
  assert.equal(reads.length, 2);
});

test('values are kept up to a mebibyte together, and larger ones are opened for each', () => {
  const { reads, values } = store(400 * 1024);
  for (const id of ['a', 'b', 'c', 'a', 'b', 'c', 'c']) {
    assert.equal(values.read(id, 1).byteLength, 400 * 1024);
  }
  assert.deepEqual(reads, ['a 1', 'b 1', 'c 1', 'c 1', 'c 1']);
});

test('what cannot be opened is told each time', () => {
  let reads = 0;
  const values = new TurnValues(() => {
    reads += 1;
    throw new CofferError('store.damaged', 'it does not open');
  });
  for (let time = 1; time <= 2; time += 1) {
    assert.throws(() => values.read('db', 1), /store.damaged/);
    assert.equal(reads, time);
  }
});
