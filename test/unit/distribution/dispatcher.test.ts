// SPDX-License-Identifier: Apache-2.0
// What a session sends, and when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { DispatcherHarness, nodePlan } from './dispatcher-harness.ts';

const DB = nodePlan({ db: 1 }, { 'task/t': ['db'] });
const DB_NEWS = ['put db 1: id-db 1', 'put task/t: db'];

test('a node that registers is told its session and all that it is due', () => {
  const harness = new DispatcherHarness();
  harness.onFacts = () => harness.offer(DB);
  const far = harness.connect().register();
  const [registered, assignment] = far.messages;
  assert.ok(registered?.kind === 'registered' && assignment?.kind === 'assignment');
  assert.match(registered.session, /^[0-9a-f]{32}$/);
  assert.equal(registered.heartbeat_ms, 5_000);
  const { complete, more, sequence, session } = assignment;
  assert.deepEqual(
    { complete, more, sequence, session },
    { complete: true, more: false, sequence: 1, session: registered.session },
  );
  assert.deepEqual(far.news(), DB_NEWS);
});

test('a node that is due nothing is told that, since it may still hold something', () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  harness.offer(nodePlan({}));
  assert.deepEqual(
    far.assignments.map(({ changes, complete }) => ({ changes, complete })),
    [{ changes: [], complete: true }],
  );
});

test('a registration is unanswered until there is a plan, however long that takes', () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  harness.offer(DB, 'another');
  for (let minutes = 0; minutes < 10; minutes += 1) {
    harness.clock.advance(60_000);
  }
  assert.deepEqual(far.messages, []);
  assert.equal(far.reason(), undefined);
  harness.offer(DB);
  assert.deepEqual(far.news(), DB_NEWS);
});

test('what changes later is sent alone: secrets before their holders, and holders before secrets that go', () => {
  const harness = new DispatcherHarness();
  const far = harness.settled(
    nodePlan({ db: 1, api: 1, old: 1 }, { 'task/t': ['db', 'old'], 'task/u': ['api'] }),
  );
  harness.offer(nodePlan({ db: 2, api: 1, key: 1 }, { 'task/t': ['db', 'key'], 'task/v': ['api'] }));
  harness.gather();
  assert.deepEqual(far.news(), [
    'put db 2: id-db 2',
    'put key 1: id-key 1',
    'put task/t: db key',
    'put task/v: api',
    'remove task/u',
    'remove id-old',
  ]);
  const last = far.assignments.at(-1);
  assert.deepEqual([last?.sequence, last?.complete], [2, false]);
});

test('a plan that says the same in other words sends nothing', () => {
  const harness = new DispatcherHarness();
  const far = harness.settled(DB);
  harness.offer(nodePlan({ db: 1 }, { 'task/t': ['db'] }));
  harness.gather();
  assert.deepEqual(far.news(), []);
  assert.equal(harness.read.length, 1, 'no value is read for it');
});

test('while one assignment is under way nothing is sent, and then all that has changed since, once', () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  harness.offer(DB);
  far.news();
  for (let version = 2; version <= 50; version += 1) {
    harness.offer(nodePlan({ db: version }, { 'task/t': ['db'] }));
    harness.clock.advance(100);
    far.heartbeat();
  }
  assert.deepEqual(far.news(), []);
  assert.equal(harness.read.length, 1, 'values wait in the store, not in memory');
  far.acknowledge();
  assert.deepEqual(far.news(), ['put db 50: id-db 50']);
});

test('a change that was taken back while another was under way is never sent', () => {
  const harness = new DispatcherHarness();
  const far = harness.connect().register();
  harness.offer(DB);
  far.news();
  harness.offer(nodePlan({ db: 1, api: 1 }, { 'task/t': ['db', 'api'] }));
  harness.offer(DB);
  far.acknowledge();
  harness.gather();
  assert.deepEqual(far.news(), []);
});

test('changes are gathered for 20 ms after the last one, and for 100 ms at most', () => {
  const harness = new DispatcherHarness();
  const far = harness.settled(DB);
  harness.offer(nodePlan({ db: 2 }, { 'task/t': ['db'] }));
  harness.clock.advance(19);
  assert.deepEqual(far.news(), []);
  harness.clock.advance(1);
  assert.deepEqual(far.news(), ['put db 2: id-db 2']);
  far.acknowledge();
  for (let version = 3; version <= 12; version += 1) {
    assert.deepEqual(far.news(), [], `version ${version}`);
    harness.offer(nodePlan({ db: version }, { 'task/t': ['db'] }));
    harness.clock.advance(10);
  }
  assert.deepEqual(far.news(), ['put db 12: id-db 12']);
});

test('what a node reports is answered at once, since a container waits for it', () => {
  const harness = new DispatcherHarness();
  const far = harness.settled(DB);
  harness.onFacts = () => harness.offer(nodePlan({ db: 1 }, { 'task/t': ['db'], 'container/c': ['db'] }));
  far.report();
  assert.deepEqual(far.news(), ['put container/c: db']);
});

test('an answer that comes later than the plan of the report goes at once, and the one after that is gathered again', () => {
  const harness = new DispatcherHarness();
  const far = harness.settled(DB);
  far.report();
  harness.offer(nodePlan({ db: 2 }, { 'task/t': ['db'] }));
  assert.deepEqual(far.news(), ['put db 2: id-db 2']);
  far.acknowledge();
  harness.offer(nodePlan({ db: 3 }, { 'task/t': ['db'] }));
  assert.deepEqual(far.news(), []);
});

test('values that were read for a message that cannot be finished are wiped too', () => {
  const harness = new DispatcherHarness();
  harness.unreadable.set('id-api', new CofferError('store.closed', 'the store is closed'));
  const far = harness.connect().register();
  harness.offer(nodePlan({ db: 1, api: 1 }, { 'task/t': ['db', 'api'] }));
  assert.equal(far.reason()?.code, 'store.closed');
  assert.deepEqual(far.assignments, [], 'the node keeps what it has');
  assert.equal(harness.read.length, 1);
  assert.ok(harness.read[0]?.expose().every((byte) => byte === 0));
});

test('a value that alone cannot be read is refused to its holders, with the reason; all else is sent', () => {
  const harness = new DispatcherHarness();
  harness.unreadable.set('id-api', new CofferError('store.damaged', 'the value does not open'));
  const far = harness.connect().register();
  harness.offer(nodePlan({ db: 1, api: 1 }, { 'task/t': ['db', 'api'], 'task/u': ['db'] }));
  assert.deepEqual(far.news(), [
    'put db 1: id-db 1',
    'put task/t: db [api: store.damaged]',
    'put task/u: db',
  ]);
  far.acknowledge();
  harness.unreadable.clear();
  harness.offer(nodePlan({ db: 1, api: 2 }, { 'task/t': ['db', 'api'], 'task/u': ['db'] }));
  harness.gather();
  assert.deepEqual(far.news(), ['put api 2: id-api 2', 'put task/t: db api']);
});

test('a new version that cannot be read takes the old one away, which is not due any more', () => {
  const harness = new DispatcherHarness();
  const far = harness.settled(DB);
  harness.unreadable.set('id-db', new CofferError('store.damaged', 'the value does not open'));
  for (let again = 0; again < 2; again += 1) {
    harness.offer(nodePlan({ db: 2 }, { 'task/t': ['db'] }));
    harness.gather();
    assert.deepEqual(far.news(), again === 0 ? ['put task/t: [db: store.damaged]', 'remove id-db'] : []);
    if (again === 0) {
      far.acknowledge();
    }
  }
  assert.equal(far.reason(), undefined);
});

test('the list says which nodes have a session, and which of them have all that they are due', () => {
  const harness = new DispatcherHarness();
  harness.connect('new');
  harness.connect('waiting').register();
  const far = harness.connect('slow').register();
  harness.offer(nodePlan({ db: 1, api: 1 }, { 'task/t': ['db', 'api'] }), 'slow');
  harness.settled(DB, 'current');
  const expected = [
    { nodeId: 'waiting', hostname: 'waiting', secrets: 0, isCurrent: false },
    { nodeId: 'slow', hostname: 'slow', secrets: 2, isCurrent: false },
    { nodeId: 'current', hostname: 'current', secrets: 1, isCurrent: true },
  ];
  assert.deepEqual(harness.dispatcher.list(), expected);
  far.acknowledge();
  assert.equal(harness.dispatcher.list()[1]?.isCurrent, true);
});
