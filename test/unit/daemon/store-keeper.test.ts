// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { CofferError, silentLogger, SecretValue } from '../../../src/common/index.ts';
import { examine } from '../../../src/daemon/doctor.ts';
import { scrubValues } from '../../../src/daemon/scrub.ts';
import { StoreKeeper } from '../../../src/daemon/store-keeper.ts';
import { EngineClient } from '../../../src/engine/index.ts';
import { newSecretId } from '../../../src/secrets/index.ts';
import { openStore, type ReplicatedStore, systemClock } from '../../../src/store/index.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { openTestStore, putValue } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';

function openIn(context: TestContext): () => Promise<ReplicatedStore> {
  const stateDirectory = mkdtempSync(path.join(tmpdir(), 'coffer-keeper-'));
  context.after(() => rmSync(stateDirectory, { recursive: true, force: true }));
  const onFault = (error: CofferError): never => {
    throw error;
  };
  return () =>
    openStore({ stateDirectory, logger: silentLogger, onFault, monotonic_ms: () => performance.now() });
}

async function put(store: MemoryStore, name: string): Promise<void> {
  await store.propose({
    kind: 'put',
    id: newSecretId(),
    name,
    labels: undefined,
    origin: 'control',
    expect: 'always',
    value: SecretValue.copyOf(Buffer.from('x')),
    at_ms: 1,
  });
}

test('a store is starting, then serves, then is closed, and says so each time', async (context) => {
  const keeper = new StoreKeeper({ open: openIn(context), logger: silentLogger });
  assert.equal(keeper.state, 'starting');
  assert.throws(keeper.source, { code: 'store.starting' });
  await keeper.open();
  assert.equal(keeper.state, 'serving');
  assert.equal(keeper.reason, undefined);
  assert.equal(keeper.source().list().length, 0);
  await keeper.close();
  assert.throws(keeper.source, { code: 'store.closed' });
});

test('a store that is being closed to be opened again is closed all the same once it is to end, and stays so', async (context) => {
  let opened = 0;
  const open = openIn(context);
  const keeper = new StoreKeeper({
    open: () => {
      opened += 1;
      return open();
    },
    logger: silentLogger,
  });
  await keeper.open();
  const store = keeper.source();
  const reopened = keeper.reopen();
  await keeper.close();
  // It is closed to its end: another one can have it.
  await (await open()).close();
  assert.throws(() => store.status(), { code: 'store.closed' });
  await reopened;
  await keeper.open();
  assert.throws(keeper.source, { code: 'store.closed' });
  assert.equal(opened, 1);
});

test('a store that is to be opened again while it makes way already serves afterwards', async (context) => {
  const open = openIn(context);
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = async (): Promise<ReplicatedStore> => {
    const store = await open();
    const close = store.close.bind(store);
    context.mock.method(store, 'close', () => gate.then(close));
    return store;
  };
  const reasons: string[] = [];
  const onRefused = ({ code }: CofferError): void => void reasons.push(code);
  const keeper = new StoreKeeper({ open: slow, onRefused, logger: silentLogger });
  await keeper.open();
  const first = keeper.reopen();
  await waitFor(() => keeper.state === 'degraded', { what: 'it to make way' });
  const second = keeper.reopen();
  release();
  await Promise.all([first, second]);
  assert.equal(keeper.state, 'serving', keeper.reason?.message);
  assert.deepEqual(reasons, ['store.starting', 'store.starting'], 'it was never in its own way');
  await keeper.close();
});

test('a call that comes while the store starts waits for it, and not for ever', async (context) => {
  const open = openIn(context);
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const keeper = new StoreKeeper({ open: () => gate.then(open), logger: silentLogger });
  const opened = keeper.open();
  await keeper.started(1);
  assert.equal(keeper.state, 'starting', 'the wait has its end');
  const waiting = keeper.started(60_000);
  release();
  await waiting;
  assert.equal(keeper.state, 'serving', 'and ends with the start');
  await opened;
  await keeper.close();
});

test('a store serves before its index is loaded; who needs all of it waits, and so does the look through its values', async (context) => {
  const stateDirectory = mkdtempSync(path.join(tmpdir(), 'coffer-keeper-'));
  context.after(() => rmSync(stateDirectory, { recursive: true, force: true }));
  const open = (): Promise<ReplicatedStore> => openTestStore(stateDirectory, { secretsReadFirstMax: 0 });
  const first = await open();
  await putValue(first, 'a', Buffer.from('value'));
  await first.close();
  const held: (() => void)[] = [];
  const mock = context.mock.method(systemClock, 'defer', (callback: () => void) => held.push(callback));
  const keeper = new StoreKeeper({ open, logger: silentLogger });
  await keeper.open();
  await keeper.started(60_000);
  await keeper.loaded(1);
  assert.equal(keeper.state, 'serving');
  assert.equal(keeper.source().status().loaded_percent, 50, 'the secret is loaded, and its name is not yet');
  assert.equal(keeper.source().byName('a')?.name, 'a');
  const engine = new EngineClient({ socketPath: path.join(stateDirectory, 'none'), timeout_ms: 100 });
  const checks = await examine({
    keeper,
    engine,
    driverName: () => 'coffer',
    place: () => ({
      role: undefined,
      nodeId: undefined,
      address: undefined,
      problem: undefined,
      certificate: undefined,
    }),
    unlockKeySource: () => undefined,
    backups: async () => ({ directory: '/backups', running: false, files: [] }),
    staleUnlockKeys: async () => [],
    admin: () => new FakeCluster(),
  });
  assert.match(
    checks.find(({ name }) => name === 'store')?.message ?? '',
    /index is still being loaded \(50 %\)/,
  );
  const examined = (): number | undefined => keeper.scrub?.examined;
  assert.equal(examined(), undefined);
  const loaded = keeper.loaded(60_000);
  mock.mock.restore();
  held.forEach((callback) => callback());
  await loaded;
  assert.equal(keeper.source().list().length, 1);
  await waitFor(() => keeper.scrub?.finished, { what: 'the look through all values' });
  assert.equal(examined(), 1);
  await keeper.close();
});

test('a store that is damaged is never served, and every caller hears the reason and the mend', async () => {
  const damaged = new CofferError('store.damaged', 'entry 7 was altered', { hint: 'Put back a copy.' });
  const keeper = new StoreKeeper({ open: () => Promise.reject(damaged), logger: silentLogger });
  await keeper.open();
  assert.equal(keeper.state, 'degraded');
  assert.throws(keeper.source, damaged);
  await keeper.close();
});

test('a store that another process has is opened by itself once that process is gone', async (context) => {
  const open = openIn(context);
  const other = await open();
  const keeper = new StoreKeeper({ open, logger: silentLogger, retry_ms: 20 });
  await keeper.open();
  assert.equal(keeper.reason?.code, 'store.in-use');
  await other.close();
  await waitFor(() => keeper.state === 'serving', { what: 'the store to be opened' });
  await keeper.close();
});

test('a look through all values names those that are damaged, and counts the rest', async () => {
  const store = new MemoryStore();
  for (const name of ['a', 'b', 'b', 'c']) {
    await put(store, name);
  }
  const read = store.readValue.bind(store);
  const broken = store.byName('b')?.id;
  store.readValue = (id, version) => {
    if (id === broken && version === 2) {
      throw new CofferError('store.damaged', 'altered');
    }
    return read(id, version);
  };
  const scrub = scrubValues(store, silentLogger);
  await waitFor(() => scrub.finished, { what: 'the look through all values' });
  assert.equal(scrub.examined, 4);
  assert.equal(scrub.damagedCount, 1);
  assert.deepEqual(scrub.damaged, ['b version 2']);
});

test('a look through all values ends when it is told to', async () => {
  const store = new MemoryStore();
  for (let secret = 0; secret < 40; secret += 1) {
    await put(store, `s${secret}`);
  }
  const scrub = scrubValues(store, silentLogger);
  scrub.stop();
  await put(store, 'later');
  assert.equal(scrub.finished, false);
  assert.ok(scrub.examined < 40);
});
