// SPDX-License-Identifier: Apache-2.0
// Peer unlock in the replicated state: who is known by which key, and which unlock keys are kept for those that are down.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import {
  applyClusterCommand,
  type ClusterCommand,
  ClusterIndex,
  EARLIER_KEYS_MAX,
} from '../../../src/membership/index.ts';
import { aNode, anAuthority, aToken } from '../../support/cluster-objects.ts';

const keyOf = (fill: number): Buffer => Buffer.alloc(32, fill);

describe('peer unlock', () => {
  let index: ClusterIndex;

  function apply(command: ClusterCommand): void {
    applyClusterCommand(index, command).forEach((effect) => index.apply(effect));
  }

  /** The next change of autolock: the byte that fills the key, or off. */
  function autolock(fill: number | 'off', withPeers = false): void {
    apply({
      kind: 'set-autolock',
      autolock: {
        kind: 'autolock',
        version: (index.autolock?.version ?? 0) + 1,
        unlockKey: fill === 'off' ? Buffer.alloc(0) : keyOf(fill),
        ...(withPeers && { peerUnlock: { earlierKeys: [] } }),
      },
    });
  }

  const registration = (name: string): ClusterCommand => ({
    kind: 'register-peer-unlock',
    registration: {
      kind: 'peer-unlock',
      nodeId: `id-${name}`,
      publicKeyFingerprint: `key of ${name}`,
      authorityDigest: 'digest',
    },
  });
  const isKnown = (name: string): boolean => index.peerUnlock(`id-${name}`) !== undefined;
  const earlier = (): readonly number[] | undefined =>
    index.autolock?.peerUnlock?.earlierKeys.map((key) => key[0] ?? -1);

  beforeEach(() => {
    index = new ClusterIndex();
    apply({ kind: 'establish-cluster', authority: anAuthority(), node: aNode('first', 'manager', 1) });
    for (const [name, role, raftId] of [
      ['second', 'manager', 2],
      ['third', 'manager', 3],
      ['worker', 'worker', 0],
    ] as const) {
      apply({ kind: 'put-token', token: aToken(name, role), revokeOthers: false });
      apply({ kind: 'admit-node', tokenId: name, node: aNode(name, role, raftId), at_ms: 1 });
    }
  });

  test('is off unless it is asked for, and there is nothing to turn on while autolock is off', () => {
    assert.throws(() => apply({ kind: 'set-peer-unlock', enabled: true }), { code: 'cluster.autolock' });
    const objects = index.size;
    apply({ kind: 'set-peer-unlock', enabled: false });
    assert.equal(index.size, objects, 'off is off');
    autolock(1);
    assert.equal(earlier(), undefined);
    assert.throws(() => apply(registration('first')), { code: 'cluster.autolock' });
    apply({ kind: 'set-peer-unlock', enabled: true });
    assert.deepEqual(earlier(), []);
    assert.equal(index.autolock?.version, 1, 'the keys on the disks stay as they are');
  });

  test('comes with autolock if that is wished, and goes with it', () => {
    autolock(1, true);
    assert.deepEqual(earlier(), []);
    apply(registration('first'));
    autolock('off');
    assert.equal(index.autolock?.peerUnlock, undefined);
    assert.equal(index.peerUnlocks().length, 0);
    autolock(2);
    assert.equal(index.autolock?.peerUnlock, undefined);
  });

  test('keeps the keys before the present one, the latest first, and no more than some', () => {
    autolock(1, true);
    autolock(2);
    autolock(3, false);
    assert.deepEqual(earlier(), [2, 1], 'another key leaves it on, whatever the command says');
    for (let fill = 4; fill <= EARLIER_KEYS_MAX + 4; fill += 1) {
      autolock(fill);
    }
    assert.equal(earlier()?.length, EARLIER_KEYS_MAX);
    assert.equal(earlier()?.[0], EARLIER_KEYS_MAX + 3);
  });

  test('does not keep keys while it is off, and forgets those that it kept when it is turned off', () => {
    autolock(1);
    autolock(2, true);
    assert.equal(earlier(), undefined, 'a new key does not turn it on');
    apply({ kind: 'set-peer-unlock', enabled: true });
    autolock(3);
    assert.deepEqual(earlier(), [2]);
    apply({ kind: 'set-peer-unlock', enabled: true });
    assert.deepEqual(earlier(), [2], 'on is on');
    apply(registration('first'));
    apply({ kind: 'set-peer-unlock', enabled: false });
    assert.equal(earlier(), undefined);
    assert.equal(isKnown('first'), false);
    assert.deepEqual(index.autolock?.unlockKey, keyOf(3));
    apply({ kind: 'set-peer-unlock', enabled: true });
    assert.deepEqual(earlier(), []);
    assert.equal(isKnown('first'), false, 'each needs a new key');
  });

  test('knows managers by one key each, and nobody else', () => {
    autolock(1, true);
    apply(registration('first'));
    apply(registration('second'));
    assert.throws(() => apply(registration('worker')), { code: 'cluster.role' });
    assert.throws(() => apply(registration('nobody')), { code: 'cluster.node-not-found' });
    assert.equal(index.peerUnlocks().length, 2);
    assert.equal(index.peerUnlock('id-second')?.publicKeyFingerprint, 'key of second');
  });

  test('forgets a manager as soon as it is to be one no longer', () => {
    autolock(1, true);
    for (const name of ['first', 'second', 'third']) {
      apply(registration(name));
    }
    apply({ kind: 'retire-manager', nodeId: 'id-second', leaving: 'demoted' });
    assert.equal(isKnown('second'), false);
    assert.throws(() => apply(registration('second')), { code: 'cluster.role' });
    apply({ kind: 'set-role', nodeId: 'id-second', role: 'worker', raftId: 0 });
    apply({ kind: 'remove-node', nodeId: 'id-third', at_ms: 5 });
    assert.equal(isKnown('third'), false);
    assert.throws(() => apply(registration('third')), { code: 'cluster.node-removed' });
    assert.equal(isKnown('first'), true);
  });
});
