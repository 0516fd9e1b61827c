// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { SecretValue } from '../../../src/common/index.ts';
import { EngineClient, type EngineSecret } from '../../../src/engine/index.ts';
import { planReconciliation, Reconciler } from '../../../src/gateway/index.ts';
import type { Origin, Secret } from '../../../src/secrets/index.ts';
import { FakeEngine } from '../../support/fake-engine.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { eventually } from './gateway-harness.ts';

const NOW = 1_000_000;
const GRACE = 30_000;

function stored(name: string, more: Partial<Secret>): Secret {
  const at = { createdAt_ms: 0, updatedAt_ms: 0, modifiedIndex: 1 };
  const versions = [{ number: 1, createdAt_ms: 0, size: 1 }];
  const identity = { id: `id-${name}`, name, labels: {}, origin: 'gateway', pending: false } as const;
  return { ...identity, engine: undefined, versions, destroyed: [], ...at, ...more };
}

function registered(id: string, name: string, driver?: string): EngineSecret {
  return { id, name, driver, labels: {}, createdAt: '', versionIndex: 1 };
}

const bound = (secretId: string, swarmId = 's1'): Partial<Secret> => ({ engine: { secretId, swarmId } });

const CASES: readonly {
  readonly what: string;
  readonly stored: Secret;
  readonly registered: readonly EngineSecret[];
  readonly plan: readonly string[];
}[] = [
  {
    what: 'bound and registered: nothing',
    stored: stored('a', bound('e1')),
    registered: [registered('e1', 'a', 'coffer')],
    plan: [],
  },
  {
    what: 'bound and gone: removed',
    stored: stored('a', bound('e1')),
    registered: [],
    plan: ['remove id-a'],
  },
  {
    what: 'bound in another swarm: nothing',
    stored: stored('a', bound('e1', 's2')),
    registered: [],
    plan: [],
  },
  {
    what: 'bound, gone, but put by hand: nothing',
    stored: stored('a', { ...bound('e1'), origin: 'control' }),
    registered: [],
    plan: [],
  },
  {
    what: 'bound, gone, but generated: nothing',
    stored: stored('a', { ...bound('e1'), origin: 'generated' }),
    registered: [],
    plan: [],
  },
  { what: 'unbound and not pending: nothing', stored: stored('a', {}), registered: [], plan: [] },
  {
    what: 'pending and registered, in any case of letters: activated',
    stored: stored('a', { pending: true, createdAt_ms: NOW }),
    registered: [registered('e1', 'A', 'coffer:latest')],
    plan: ['activate id-a e1'],
  },
  {
    what: 'pending, young, not registered: nothing',
    stored: stored('a', { pending: true, createdAt_ms: NOW - GRACE + 1 }),
    registered: [],
    plan: [],
  },
  {
    what: 'pending, old, not registered: removed',
    stored: stored('a', { pending: true, createdAt_ms: NOW - GRACE }),
    registered: [],
    plan: ['remove id-a'],
  },
  {
    what: 'pending, old, and the name is another driver’s: removed',
    stored: stored('a', { pending: true, createdAt_ms: 0 }),
    registered: [registered('e1', 'a', 'vault'), registered('e2', 'b', 'coffer')],
    plan: ['remove id-a'],
  },
  {
    what: 'pending, of a clock that went back: nothing',
    stored: stored('a', { pending: true, createdAt_ms: NOW + GRACE }),
    registered: [],
    plan: [],
  },
];

for (const { what, plan, ...sides } of CASES) {
  test(what, () => {
    const repairs = planReconciliation({
      stored: [sides.stored],
      registered: sides.registered,
      swarmId: 's1',
      driverName: 'coffer',
      now_ms: NOW,
      pendingGrace_ms: GRACE,
    });
    const told = repairs.map((repair) =>
      repair.kind === 'activate' ? `activate ${repair.id} ${repair.engine.secretId}` : `remove ${repair.id}`,
    );
    assert.deepEqual(told, plan);
  });
}

test('a registration that is bound to one secret is not given to another', () => {
  const repairs = planReconciliation({
    stored: [stored('a', bound('e1')), stored('A', { id: 'other', pending: true, createdAt_ms: NOW })],
    registered: [registered('e1', 'a', 'coffer')],
    swarmId: 's1',
    driverName: 'coffer',
    now_ms: NOW,
    pendingGrace_ms: GRACE,
  });
  assert.deepEqual(repairs, []);
});

interface Room {
  readonly engine: FakeEngine;
  readonly store: MemoryStore;
  readonly reconciler: Reconciler;
}

async function startRoom(context: TestContext): Promise<Room> {
  const engine = await new FakeEngine().start();
  const store = new MemoryStore();
  const client = new EngineClient({ socketPath: engine.socketPath, timeout_ms: 5_000 });
  const reconciler = new Reconciler({
    engine: client,
    store: () => store,
    now: () => NOW,
    backOff_ms: { first: 1, longest: 2 },
  });
  context.after(async () => {
    await reconciler.stop();
    await engine.remove();
  });
  return { engine, store, reconciler };
}

async function add(
  { store, engine }: Room,
  name: string,
  secretId: string | undefined,
  origin: Origin = 'gateway',
): Promise<void> {
  const id = name.padEnd(25, '0');
  const value = SecretValue.copyOf(Buffer.from('v'));
  const pending = secretId === undefined;
  await store.propose({ kind: 'create', id, name, labels: {}, origin, pending, value, at_ms: 0 });
  if (secretId !== undefined) {
    const binding = { secretId, swarmId: engine.swarmId };
    await store.propose({ kind: 'activate', id, engine: binding, at_ms: 0 });
  }
}

test('a round removes what the engine no longer has and settles what is pending', async (context) => {
  const room = await startRoom(context);
  await add(room, 'kept', room.engine.addSecret('kept', 'coffer').ID);
  await add(room, 'gone', 'e'.repeat(25));
  await add(room, 'late', undefined);
  await add(room, 'never', undefined);
  room.engine.addSecret('late', 'coffer');
  assert.deepEqual(await room.reconciler.reconcile(), { kind: 'done', activated: 1, removed: 2 });
  assert.deepEqual(
    room.store
      .list()
      .map(({ name }) => name)
      .sort(),
    ['kept', 'late'],
  );
  assert.equal(room.store.byName('late')?.pending, false);
});

test('nothing is removed while the engine is no ready manager, gone, or in another swarm', async (context) => {
  const room = await startRoom(context);
  await add(room, 'a', 'e'.repeat(25));
  room.engine.swarmState = 'inactive';
  assert.equal((await room.reconciler.reconcile()).kind, 'skipped');
  room.engine.swarmState = 'locked';
  assert.equal((await room.reconciler.reconcile()).kind, 'skipped');
  room.engine.swarmState = 'active';
  room.engine.swarmId = 'another';
  assert.deepEqual(await room.reconciler.reconcile(), { kind: 'done', activated: 0, removed: 0 });
  room.store.freshness = 'local';
  assert.equal((await room.reconciler.reconcile()).kind, 'skipped');
  await room.engine.stop();
  room.store.freshness = 'linearizable';
  assert.equal((await room.reconciler.reconcile()).kind, 'skipped');
  assert.equal(room.store.list().length, 1);
});

test('nothing is removed while the index is loaded, and the next round after it does all', async (context) => {
  const room = await startRoom(context);
  await add(room, 'gone', 'e'.repeat(25));
  room.store.loaded_percent = 80;
  assert.deepEqual(await room.reconciler.reconcile(), {
    kind: 'skipped',
    reason: 'the index is being loaded',
  });
  assert.notEqual(room.store.byName('gone'), undefined);
  room.store.loaded_percent = undefined;
  assert.deepEqual(await room.reconciler.reconcile(), { kind: 'done', activated: 0, removed: 1 });
});

test('a secret that is bound while the engine is listed is not touched', async (context) => {
  const room = await startRoom(context);
  room.engine.handler = (request, response) => {
    if (request.url?.startsWith('/secrets') !== true) {
      return false;
    }
    void add(room, 'new', 'f'.repeat(25)).then(() => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('null');
    });
    return true;
  };
  assert.deepEqual(await room.reconciler.reconcile(), { kind: 'done', activated: 0, removed: 0 });
  assert.equal(room.store.list().length, 1);
});

test('it runs at its start, on a removal, and after the event stream broke', async (context) => {
  const room = await startRoom(context);
  const registration = room.engine.addSecret('a', 'coffer');
  await add(room, 'a', registration.ID);
  await add(room, 'b', 'e'.repeat(25));
  room.reconciler.start();
  await eventually(() => room.store.byName('b') === undefined, 'the first round');
  await eventually(() => room.engine.eventStreams.size === 1, 'the event stream');
  room.engine.removeSecret(registration.ID);
  await eventually(() => room.store.byName('a') === undefined, 'the round after a removal');
  const missed = room.engine.addSecret('c', 'coffer');
  await add(room, 'c', missed.ID);
  await room.engine.stop();
  room.engine.secrets.delete(missed.ID);
  await room.engine.start();
  await eventually(() => room.store.byName('c') === undefined, 'the round after the gap');
  await room.reconciler.stop();
});
