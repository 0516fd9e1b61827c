// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandshakeSlots, type Slot } from '../../../src/transport/handshake-slots.ts';

const LIMITS = { total: 6, perAddress: 3 };

class Fixture {
  readonly slots = new HandshakeSlots(LIMITS);
  readonly cut: string[] = [];
  now_ms = 0;

  slot(name: string, address: string): Slot {
    return { address, since_ms: this.now_ms, cut: () => void this.cut.push(name) };
  }

  take(name: string, address: string): boolean {
    return this.slots.take(this.slot(name, address));
  }
}

test('one address has no more than its share, as long as its handshakes are young', () => {
  const fixture = new Fixture();
  assert.deepEqual(
    ['1', '2', '3', '4'].map((name) => fixture.take(name, 'a')),
    [true, true, true, false],
  );
  assert.ok(fixture.take('5', 'b'));
});

test('whoever stalls gives way, at one address and among all', () => {
  const fixture = new Fixture();
  ['a1', 'a2', 'a3'].forEach((name) => fixture.take(name, 'a'));
  ['b1', 'c1', 'd1'].forEach((name, index) => fixture.take(name, `${index}`));
  fixture.now_ms = 1_000;
  assert.ok(fixture.take('a4', 'a'));
  assert.ok(fixture.take('e1', 'e'));
  assert.deepEqual(fixture.cut, ['a1', 'a2']);
  assert.equal(fixture.slots.size, LIMITS.total);
});

test('when all places are taken by young ones, whoever holds most loses the oldest', () => {
  const fixture = new Fixture();
  ['b1', 'a1', 'a2', 'a3', 'b2', 'c1'].forEach((name) => fixture.take(name, name.slice(0, 1)));
  assert.ok(fixture.take('d1', 'd'));
  assert.deepEqual(fixture.cut, ['a1']);
});

test('a storm from as many addresses as places is served in turn: the newcomer waits', () => {
  const fixture = new Fixture();
  ['a', 'b', 'c', 'd', 'e', 'f'].forEach((address) => fixture.take(address, address));
  assert.equal(fixture.take('g', 'g'), false);
  assert.deepEqual(fixture.cut, []);
});

test('a place that was given back is free, and what takes too long is cut', () => {
  const fixture = new Fixture();
  const slots = ['1', '2', '3'].map((name) => fixture.slot(name, 'a'));
  slots.forEach((slot) => assert.ok(fixture.slots.take(slot)));
  slots.slice(0, 2).forEach((slot) => fixture.slots.release(slot));
  assert.ok(fixture.take('4', 'a'));
  fixture.slots.expire(5_000, 5_000);
  assert.deepEqual(fixture.cut, []);
  fixture.slots.expire(5_001, 5_000);
  assert.deepEqual(fixture.cut, ['3', '4']);
  assert.equal(fixture.slots.size, 0);
});
