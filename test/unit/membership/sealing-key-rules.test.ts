// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  activeSealingKey,
  applyClusterCommand,
  type ClusterCommand,
  ClusterIndex,
  SEALING_KEYS_MAX,
} from '../../../src/membership/index.ts';
import { aSealingKey } from '../../support/cluster-objects.ts';

function cluster(...commands: readonly ClusterCommand[]): ClusterIndex {
  const index = new ClusterIndex();
  commands.forEach((command) => apply(index, command));
  return index;
}

function apply(index: ClusterIndex, command: ClusterCommand): void {
  applyClusterCommand(index, command).forEach((effect) => index.apply(effect));
}

/** As `id` and whether it is active, the newest first. */
function keysOf(index: ClusterIndex): readonly (readonly [string, boolean])[] {
  return index.sealingKeys().map(({ active, id }) => [id, active]);
}

const FIRST: ClusterCommand = { kind: 'add-sealing-key', key: aSealingKey('one'), after: '' };
const SECOND: ClusterCommand = {
  kind: 'add-sealing-key',
  key: aSealingKey('two', { madeAt_ms: 2_000 }),
  after: 'one',
};

describe('the sealing keys of a cluster', () => {
  test('are none at first; of two managers that make the first one, one has made it', () => {
    const index = cluster();
    assert.equal(activeSealingKey(index), undefined);
    apply(index, FIRST);
    assert.deepEqual(activeSealingKey(index), aSealingKey('one'));
    assert.throws(() => apply(index, { ...FIRST, key: aSealingKey('other') }), {
      code: 'sealing.key-changed',
    });
    assert.deepEqual(keysOf(index), [['one', true]]);
  });

  test('have one that is active after a rotation, and keep the one before it', () => {
    const index = cluster(FIRST, SECOND);
    assert.deepEqual(keysOf(index), [
      ['two', true],
      ['one', false],
    ]);
    assert.throws(() => apply(index, { ...SECOND, key: aSealingKey('three') }), {
      code: 'sealing.key-changed',
    });
    assert.throws(() => apply(index, { ...SECOND, key: aSealingKey('one'), after: 'two' }), {
      code: 'sealing.key-changed',
    });
  });

  test('out of a backup are as they were where there are none, and open alone where there are some', () => {
    const restore: ClusterCommand = { kind: 'restore-sealing-key', key: aSealingKey('old') };
    const fresh = cluster(restore, restore);
    assert.deepEqual(keysOf(fresh), [['old', true]]);
    assert.deepEqual(keysOf(cluster(FIRST, restore)), [
      ['old', false],
      ['one', true],
    ]);
    const older = { kind: 'restore-sealing-key', key: aSealingKey('older', { active: false }) } as const;
    assert.deepEqual(keysOf(cluster(older, restore)), [
      ['old', true],
      ['older', false],
    ]);
  });

  test('are forgotten one by one, and never the active one', () => {
    const index = cluster(FIRST, SECOND);
    assert.throws(() => apply(index, { kind: 'forget-sealing-key', id: 'two' }), {
      code: 'sealing.key-changed',
    });
    assert.throws(() => apply(index, { kind: 'forget-sealing-key', id: 'three' }), {
      code: 'sealing.key-not-found',
    });
    apply(index, { kind: 'forget-sealing-key', id: 'one' });
    assert.deepEqual(keysOf(index), [['two', true]]);
  });

  test(`are ${SEALING_KEYS_MAX} at most, of which none goes by itself`, () => {
    const index = cluster({ ...FIRST, key: aSealingKey('0') });
    for (let number = 1; number < SEALING_KEYS_MAX; number += 1) {
      apply(index, { ...FIRST, key: aSealingKey(String(number)), after: String(number - 1) });
    }
    const last = String(SEALING_KEYS_MAX - 1);
    const more: ClusterCommand = { ...FIRST, key: aSealingKey('more'), after: last };
    assert.throws(() => apply(index, more), { code: 'sealing.key-changed' });
    assert.throws(() => apply(index, { kind: 'restore-sealing-key', key: aSealingKey('old') }), {
      code: 'sealing.key-changed',
    });
    apply(index, { kind: 'forget-sealing-key', id: '0' });
    apply(index, more);
    assert.equal(activeSealingKey(index)?.id, 'more');
  });
});
