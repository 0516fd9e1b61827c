// SPDX-License-Identifier: Apache-2.0
// A value that becomes that of another version: on the disk of each node by itself, and never in the log.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { encodeCommand, type RollbackSecret, VERSIONS_KEPT } from '../../../src/secrets/index.ts';
import { StateKeys } from '../../../src/store/state/state-keys.ts';
import { put, StateHarness } from './state-harness.ts';

const rollback = (version: number): RollbackSecret => ({
  kind: 'rollback',
  id: 'id-db',
  version,
  expect: undefined,
  at_ms: 1,
});

describe('the value of a version that is gone back to', () => {
  let node: StateHarness;

  beforeEach(async () => {
    node = await StateHarness.make();
  });
  afterEach(() => node.close());

  const valueOf = (version: number): string => node.state.readValue('id-db', version).expose().toString();

  test('is copied from the disk, and from what is not there yet, and outlives a restart', async () => {
    node.apply(put('db', 'first'));
    await node.flush();
    await node.reopen();
    node.apply(put('db', 'second'));
    node.apply(rollback(1));
    node.apply(rollback(2));
    assert.deepEqual([3, 4].map(valueOf), ['first', 'second']);
    await node.flush();
    await node.reopen();
    assert.deepEqual([1, 2, 3, 4].map(valueOf), ['first', 'second', 'first', 'second']);
  });

  test('is applied again after a crash to the same, though it was not written', async () => {
    for (let number = 1; number <= VERSIONS_KEPT; number += 1) {
      node.apply(put('db', `value ${number}`));
    }
    await node.flush();
    for (const run of ['before the crash', 'after it']) {
      node.apply(rollback(1));
      assert.equal(valueOf(VERSIONS_KEPT + 1), 'value 1', run);
      await node.reopen();
    }
  });

  test('goes to another node with a snapshot', async () => {
    node.apply(put('db', 'first'));
    node.apply(put('db', 'second'));
    node.apply(rollback(1));
    await node.flush();
    const other = await StateHarness.make();
    await other.install(await other.stage(await node.export()));
    assert.equal(other.state.readValue('id-db', 3).expose().toString(), 'first');
    assert.deepEqual(other.content(), node.content());
    await other.close();
  });

  test('is missing where the old one is damaged, and nothing else is', async () => {
    node.apply(put('db', 'first'));
    node.apply(put('db', 'second'));
    await node.flush();
    const key = new StateKeys(node.keyring, 1).value('id-db', 1);
    await node.database.write([{ type: 'put', key, value: Buffer.from('altered') }], { sync: false });
    node.apply(rollback(1));
    node.apply(put('other', 'value'));
    assert.throws(() => valueOf(3), { code: 'store.damaged' });
    await node.flush();
    await node.reopen();
    assert.throws(() => valueOf(3), { code: 'store.damaged' });
    assert.equal(valueOf(2), 'second');
    assert.equal(node.state.readValue('id-other', 1).expose().toString(), 'value');
  });

  test('is not in the entry of the log', () => {
    assert.ok(encodeCommand(rollback(1)).length < 32);
  });
});
