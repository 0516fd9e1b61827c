// SPDX-License-Identifier: Apache-2.0
// What a node is due that does not fit one message.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CHANGES_BYTES_MAX } from '../../../src/distribution/message-codec.ts';
import type { NodePlan } from '../../../src/distribution/plan-model.ts';
import { gate } from '../transport/transport-harness.ts';
import { DispatcherHarness, nodePlan } from './dispatcher-harness.ts';

/** What fills five messages. */
function large(harness: DispatcherHarness): NodePlan {
  harness.size_bytes = 400_000;
  const names = Array.from({ length: 23 }, (_, at) => `s${at}`);
  return nodePlan(Object.fromEntries(names.map((name) => [name, 1])), { 'task/t': names });
}

test('what does not fit a message is cut into several, which are acknowledged as one', async () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  harness.offer(large(harness));
  await nextTurn();
  const parts = far.assignments.map(({ changes, complete, more, sequence }) => [
    changes.length,
    complete,
    more,
    sequence,
  ]);
  assert.deepEqual(parts, [
    [5, true, true, 1],
    [5, true, true, 2],
    [5, true, true, 3],
    [5, true, true, 4],
    [4, true, false, 5],
  ]);
  harness.offer(nodePlan({}));
  harness.gather();
  assert.equal(far.assignments.length, 5);
  far.acknowledge();
  assert.equal(far.reason(), undefined);
  assert.equal(far.assignments.at(-1)?.changes.length, 24, 'all of it goes again');
});

test('the next message is made when the node has taken the one before', async () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  const reading = gate();
  far.reading = reading.opened;
  harness.offer(large(harness));
  await nextTurn();
  assert.equal(far.assignments.length, 1);
  assert.equal(harness.read.length, 6, 'one more is read than fits');
  harness.offer(nodePlan({}));
  harness.gather();
  reading.open();
  await nextTurn();
  assert.deepEqual(
    far.assignments.map(({ more }) => more),
    [true, true, true, true, false],
  );
  far.acknowledge();
  assert.equal(far.reason(), undefined);
  assert.equal(far.assignments.at(-1)?.changes.length, 24, 'what has changed meanwhile follows');
});

test('a message that others follow is acknowledged by nobody', async () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  far.reading = gate().opened;
  harness.offer(large(harness));
  await nextTurn();
  far.acknowledge();
  assert.equal(far.reason()?.code, 'request.invalid');
});

test('a session that ends amid an assignment reads nothing more, and wipes what was read', async () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  const reading = gate();
  far.reading = reading.opened;
  harness.offer(large(harness));
  await nextTurn();
  far.breakOff();
  reading.open();
  await nextTurn();
  assert.equal(far.assignments.length, 1);
  assert.equal(harness.read.length, 6);
  assert.ok(harness.read.every((value) => value.expose().every((byte) => byte === 0)));
});

test('a node that takes nothing for thirty seconds loses its session, though it says that it is alive', async () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  const reading = gate();
  far.reading = reading.opened;
  harness.offer(large(harness));
  await nextTurn();
  for (let seconds = 0; seconds < 30; seconds += 1) {
    assert.equal(far.reason(), undefined);
    harness.clock.advance(1_000);
    far.heartbeat();
  }
  assert.equal(far.reason()?.code, 'transport.timeout');
  assert.ok(harness.read.every((value) => value.expose().every((byte) => byte === 0)));
  reading.open();
  await nextTurn();
  assert.equal(far.assignments.length, 1);
});

test('values are wiped as soon as they are in a message', async () => {
  const harness = new DispatcherHarness();
  harness.size_bytes = Math.floor(CHANGES_BYTES_MAX / 5);
  harness.connect().register();
  harness.offer(nodePlan({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 }, { 'task/t': ['a'] }));
  await nextTurn();
  assert.equal(harness.read.length, 7);
  assert.ok(harness.read.every((value) => value.expose().every((byte) => byte === 0)));
});
