// SPDX-License-Identifier: Apache-2.0
// How sessions begin and end, and what a node can do to the leader: nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CofferError } from '../../../src/common/index.ts';
import { DispatcherHarness, type FarEnd, NO_FACTS, nodePlan } from './dispatcher-harness.ts';

const DB = nodePlan({ db: 1 }, { 'task/t': ['db'] });
const STRANGE = '0'.repeat(32);

describe('a session ends', () => {
  test('when the node has not registered within five seconds', () => {
    const harness = new DispatcherHarness();
    const far = harness.connect();
    harness.clock.advance(4_999);
    assert.equal(far.reason(), undefined);
    harness.clock.advance(1);
    assert.equal(far.reason()?.code, 'transport.timeout');
    assert.deepEqual(harness.gone, [], 'it was never there');
  });

  test('when nothing was heard for three heartbeats, and not before', () => {
    const harness = new DispatcherHarness();
    const far = harness.settled(DB);
    for (let beat = 0; beat < 20; beat += 1) {
      harness.clock.advance(14_999);
      far.heartbeat();
    }
    harness.clock.advance(14_999);
    assert.equal(far.reason(), undefined);
    harness.clock.advance(1);
    assert.equal(far.reason()?.code, 'transport.timeout');
    assert.deepEqual(harness.gone, ['a']);
    assert.deepEqual(harness.dispatcher.list(), []);
  });

  test('when an assignment is not acknowledged within thirty seconds, though the node is alive', () => {
    const harness = new DispatcherHarness();
    const far = harness.connect().register();
    harness.offer(DB);
    for (let seconds = 0; seconds < 29; seconds += 1) {
      harness.clock.advance(1_000);
      far.heartbeat();
    }
    assert.equal(far.reason(), undefined);
    harness.clock.advance(1_000);
    assert.match(far.reason()?.detail ?? '', /acknowledged nothing for 30 seconds/);
  });

  test('when the node takes nothing more', () => {
    const harness = new DispatcherHarness();
    const far = harness.settled(DB);
    far.full = true;
    harness.offer(nodePlan({ db: 2 }, { 'task/t': ['db'] }));
    harness.gather();
    assert.equal(far.reason()?.code, 'transport.unreachable');
    assert.deepEqual(harness.gone, ['a']);
  });

  test('when the connection breaks: then no timer goes on, and nothing is sent any more', () => {
    const harness = new DispatcherHarness();
    const far = harness.connect().register();
    harness.offer(DB);
    const { length } = far.messages;
    far.breakOff();
    harness.offer(nodePlan({ db: 2 }, { 'task/t': ['db'] }));
    far.heartbeat();
    harness.clock.advance(60_000);
    assert.equal(far.messages.length, length);
    assert.deepEqual(harness.gone, ['a'], 'once');
    assert.equal(far.reason()?.detail, 'the connection broke');
  });

  test('when a newer connection of the node registers, which gets all of it', () => {
    const harness = new DispatcherHarness();
    const older = harness.settled(DB);
    const newer = harness.connect();
    assert.equal(older.reason(), undefined, 'a connection alone is nothing');
    newer.register();
    assert.match(older.reason()?.detail ?? '', /newer connection/);
    assert.deepEqual(harness.gone, [], 'the node is still there');
    harness.offer(DB);
    assert.deepEqual(newer.news(), ['put db 1: id-db 1', 'put task/t: db']);
    assert.equal(newer.assignments[0]?.complete, true);
    assert.notEqual(newer.session, older.session);
  });

  test('when the node is removed, with all its connections and nobody else’s', () => {
    const harness = new DispatcherHarness();
    const [far, other, another] = [harness.settled(DB), harness.connect(), harness.settled(DB, 'b')];
    harness.dispatcher.disconnect('a', new CofferError('cluster.node-removed', 'the node was removed'));
    assert.deepEqual(
      [far.reason()?.code, other.reason()?.code],
      ['cluster.node-removed', 'cluster.node-removed'],
    );
    assert.equal(another.reason(), undefined);
  });

  test('when the leader leads no more, with the reason', () => {
    const harness = new DispatcherHarness();
    const ends = [harness.connect(), harness.connect('b').register(), harness.settled(DB, 'c')];
    harness.dispatcher.close(new CofferError('cluster.not-leader', 'another manager leads'));
    assert.deepEqual(
      ends.map((end) => end.reason()?.code),
      Array.from(ends, () => 'cluster.not-leader'),
    );
    assert.deepEqual(harness.dispatcher.list(), []);
  });
});

const WRONG: readonly (readonly [string, (far: FarEnd) => unknown])[] = [
  ['bytes that are no message', () => Buffer.from('GET / HTTP/1.1\r\n')],
  ['nothing', () => Buffer.alloc(0)],
  ['a kind that there is not', () => ({ kind: 'get-secret', name: 'db' })],
  ['a second registration', () => ({ kind: 'register', facts: NO_FACTS })],
  ['a heartbeat of another session', () => ({ kind: 'heartbeat', session: STRANGE })],
  ['a report of another session', () => ({ kind: 'report', session: STRANGE, facts: NO_FACTS })],
  ['an acknowledgement of another session', () => ({ kind: 'acknowledge', session: STRANGE, sequence: 2 })],
  ['an acknowledgement of what comes next', ({ session }) => ({ kind: 'acknowledge', session, sequence: 3 })],
  ['an acknowledgement of what was before', ({ session }) => ({ kind: 'acknowledge', session, sequence: 1 })],
  [
    'a number far off',
    ({ session }) => ({ kind: 'acknowledge', session, sequence: Number.MAX_SAFE_INTEGER }),
  ],
];

describe('a node that does not keep to the protocol loses its connection, and no other node notices', () => {
  for (const [what, message] of WRONG) {
    test(what, () => {
      const harness = new DispatcherHarness();
      const [far, honest] = [harness.settled(DB), harness.settled(DB, 'b')];
      harness.offer(nodePlan({ db: 2 }, { 'task/t': ['db'] }));
      harness.gather();
      far.say(message(far));
      assert.equal(far.reason()?.code, 'request.invalid');
      harness.offer(nodePlan({ db: 2 }, { 'task/t': ['db'] }), 'b');
      harness.gather();
      assert.deepEqual(honest.news(), ['put db 2: id-db 2']);
      assert.deepEqual(harness.gone, ['a']);
    });
  }

  for (const kind of ['heartbeat', 'report', 'acknowledge']) {
    test(`the message ${kind} before the registration`, () => {
      const harness = new DispatcherHarness();
      const far = harness.connect();
      far.say({
        kind,
        session: STRANGE,
        ...(kind === 'report' && { facts: NO_FACTS }),
        ...(kind === 'acknowledge' && { sequence: 1 }),
      });
      assert.match(far.reason()?.detail ?? '', /session that this connection does not have/);
      assert.deepEqual(harness.reports, []);
    });
  }

  test('a heartbeat while the registration is unanswered', () => {
    const harness = new DispatcherHarness();
    const far = harness.connect().register();
    far.say({ kind: 'heartbeat', session: STRANGE });
    assert.equal(far.reason()?.code, 'request.invalid');
  });

  test('the same acknowledgement twice', () => {
    const harness = new DispatcherHarness();
    const far = harness.settled(DB);
    far.acknowledge();
    assert.match(far.reason()?.detail ?? '', /not under way/);
  });

  test('an acknowledgement of a part', async () => {
    const harness = new DispatcherHarness();
    harness.size_bytes = 500_000;
    const far = harness.connect().register();
    harness.offer(nodePlan({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 }));
    await nextTurn();
    assert.equal(far.assignments.length, 2);
    far.say({ kind: 'acknowledge', session: far.session, sequence: 1 });
    assert.match(far.reason()?.detail ?? '', /not under way/);
  });
});

test('a flood of reports ends the connection; as many as a busy node has are taken', () => {
  const harness = new DispatcherHarness();
  const far = harness.settled(DB);
  for (let seconds = 0; seconds < 60; seconds += 1) {
    for (let count = 0; count < 9; count += 1) {
      far.report();
    }
    harness.clock.advance(1_000);
  }
  assert.equal(far.reason(), undefined);
  for (let count = 0; count < 101; count += 1) {
    far.report();
  }
  assert.equal(far.reason()?.code, 'cluster.rate-limited');
});

describe('registrations are bounded', () => {
  test('three of one node in eight seconds; the fourth is refused and leaves the third as it is', () => {
    const harness = new DispatcherHarness();
    for (let count = 0; count < 2; count += 1) {
      harness.connect().register().breakOff();
      harness.clock.advance(1_000);
    }
    const third = harness.settled(DB);
    const fourth = harness.connect().register();
    assert.equal(fourth.reason()?.code, 'cluster.rate-limited');
    assert.equal(third.reason(), undefined);
    assert.equal(harness.dispatcher.list().length, 1);
    harness.clock.advance(5_999);
    third.heartbeat();
    assert.equal(harness.connect().register().reason()?.code, 'cluster.rate-limited');
    harness.clock.advance(1);
    assert.equal(harness.connect().register().reason(), undefined);
    assert.equal(harness.connect().register().reason()?.code, 'cluster.rate-limited');
    assert.equal(harness.connect('b').register().reason(), undefined, 'another node has its own');
  });

  test('five hundred a second of all nodes together', () => {
    const harness = new DispatcherHarness();
    const come = (from: number): number =>
      Array.from({ length: 600 }, (_, at) => harness.connect(`node-${from + at}`).register()).filter(
        (end) => end.reason() === undefined,
      ).length;
    assert.equal(come(0), 500);
    harness.clock.advance(100);
    assert.equal(come(1_000), 50);
    const refused = harness.connect('node-599');
    harness.clock.advance(1_000);
    assert.equal(refused.register().reason(), undefined, 'who was refused comes again');
  });
});

test('an error of the leader’s own ends the session that it was for, and tells the node nothing of it', () => {
  const harness = new DispatcherHarness();
  const honest = harness.settled(DB, 'b');
  harness.onFacts = (nodeId) => {
    if (nodeId === 'a') {
      throw new TypeError('hunter2 is not a function');
    }
  };
  const far = harness.connect().register();
  assert.equal(far.reason()?.code, 'internal.unexpected');
  assert.ok(!far.reason()?.message.includes('hunter2'));
  honest.report();
  assert.equal(honest.reason(), undefined);
});
