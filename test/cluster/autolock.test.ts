// SPDX-License-Identifier: Apache-2.0
// A37 Autolock on three managers: each start needs the unlock key, nothing is lost, and a directory alone opens nothing.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { reasonOf } from '../support/cluster-calls.ts';
import { temporaryDirectory } from '../support/cleanup.ts';
import { LeakScanner } from '../support/leak-scanner.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import { ManagerProcess } from '../support/manager-process.ts';
import { createThroughGateway, getSecret } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';

const CANARY = 'canary value that no locked disk may show';
const LOCKED = /this node is locked: its keys are sealed, and it was not given the unlock key/;
/** An engine asks while it holds Swarm's global store lock. */
const REFUSAL_MS_MAX = 1_000;

async function unlockKeyAt(manager: ManagerProcess): Promise<string> {
  return (await manager.cli(['unlock-key', '-q'])).stdout.trim();
}

async function isSealed(manager: ManagerProcess): Promise<boolean> {
  return (await manager.status()).store?.dataKeySealed === true;
}

interface KeyFile {
  readonly keys: readonly { readonly key: string }[];
  readonly indexKey: { readonly key: string };
}

function jsonIn(manager: ManagerProcess, file: string): unknown {
  return JSON.parse(readFileSync(path.join(manager.stateDirectory, file), 'utf8'));
}

function sealerOf(manager: ManagerProcess): string {
  return (jsonIn(manager, 'keys.json') as { readonly unlockKeyId: string }).unlockKeyId;
}

describe('A37 three managers with autolock', () => {
  let key = '';
  let cluster: ManagerCluster;
  const scanner = new LeakScanner();
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).put('kept', CANARY);
    await waitFor(async () => (await cluster.at(2).deliver('kept')).toString() === CANARY, {
      what: 'the secret',
    });
    scanner.add('canary', Buffer.from(CANARY));
    for (const manager of cluster.managers) {
      const { keys, indexKey } = jsonIn(manager, 'keys.json') as KeyFile;
      keys.forEach(({ key }) => scanner.add(`data key of ${manager.name}`, Buffer.from(key, 'base64')));
      scanner.add(`index key of ${manager.name}`, Buffer.from(indexKey.key, 'base64'));
      const identity = jsonIn(manager, 'identity.json') as { readonly key: string };
      // The beginning of each key in this form is the same.
      scanner.add(`TLS key of ${manager.name}`, Buffer.from(identity.key, 'base64').subarray(36, 68));
      const found = new Set(scanner.scanTree(manager.stateDirectory).map(({ value }) => value.split(' ')[0]));
      assert.deepEqual(
        found,
        new Set(['TLS', 'data', 'index']),
        'until then whoever has the directory has the keys',
      );
    }
  });
  after(async () => cluster?.destroy());

  async function assertLockedEverywhere(manager: ManagerProcess): Promise<void> {
    const reason = await reasonOf(manager, 'store.locked');
    assert.match(reason.hint ?? '', /docker coffer unlock/);
    const status = await manager.tryCli(['status']);
    assert.equal(status.code, 2);
    assert.match(status.stdout, LOCKED);
    assert.match(status.stdout, /Mend: +Unlock it on this node: docker coffer unlock/);
    assert.match((await manager.tryCli(['doctor'])).stdout, LOCKED);
    for (const words of [['ls'], ['inspect', 'kept'], ['node', 'ls'], ['autolock']]) {
      const refused = await manager.tryCli(words);
      assert.equal(refused.code, 2, words.join(' '));
      assert.match(refused.stderr, LOCKED);
      assert.match(refused.stderr, /docker coffer unlock/);
    }
    const begun = performance.now();
    const delivery = await getSecret(manager, { secret: 'kept', task: 'task1' });
    assert.ok(performance.now() - begun < REFUSAL_MS_MAX);
    assert.match((delivery.json() as { readonly Err: string }).Err, /store\.locked/);
    const created = await createThroughGateway(manager, 'new', Buffer.from('value'));
    // Without an engine, its absence is what is said first.
    assert.ok(created.status >= 500, created.text);
  }

  test('seal their keys when any of them is told to', async () => {
    const on = await cluster.at(1).cli(['autolock', 'on']);
    key = /COFFER-UNLOCK-1(-[0-9A-Z]{4}){14}/.exec(on.stdout)?.[0] ?? assert.fail(on.stdout);
    assert.ok(await isSealed(cluster.at(1)), 'the one that was told has done it');
    for (const manager of cluster.managers) {
      await waitFor(() => isSealed(manager), { what: `${manager.name} to seal its keys` });
      assert.equal(await unlockKeyAt(manager), key);
    }
  });

  test('lock one that was killed, which says so everywhere, and is opened by the key alone; nothing is lost', async () => {
    const manager = await cluster.follower();
    key = await unlockKeyAt(manager);
    await manager.kill9();
    await manager.start();
    await assertLockedEverywhere(manager);
    const other = `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`;
    const mistyped = await manager.tryCli(['unlock'], { input: other });
    assert.equal(mistyped.code, 2);
    assert.match(mistyped.stderr, /a character of this unlock key is wrong/);
    await reasonOf(manager, 'store.locked');
    const running = cluster.running.find((one) => one !== manager);
    await running?.put('meanwhile', 'the others go on');
    const unlocked = await manager.cli(['unlock'], { input: `${key.toLowerCase()}\n` });
    assert.equal(unlocked.stdout, 'coffer is unlocked, and serves.\n');
    await cluster.whole();
    assert.equal((await manager.deliver('kept')).toString(), CANARY);
    assert.equal((await manager.deliver('meanwhile')).toString(), 'the others go on');
    await manager.put('afterwards', 'and so does this one');
    const again = await manager.tryCli(['unlock'], { input: key });
    assert.deepEqual([again.code, again.stderr], [2, 'coffer: this node is not locked\n']);
  });

  test('take a new key: one that was down needs the old one once, and no longer', async () => {
    const manager = await cluster.follower();
    const old = await unlockKeyAt(manager);
    await manager.kill9();
    const other = cluster.running[0] ?? assert.fail('two run');
    const rotated = await other.cli(['unlock-key', '--rotate', '--shares', '2/3', '-q']);
    const shares = rotated.stdout.trim().split('\n');
    assert.equal(shares.length, 3);
    await manager.start();
    await reasonOf(manager, 'store.locked');
    const early = await manager.tryCli(['unlock'], { input: `${shares[0]}\n${shares[2]}\n` });
    assert.equal(early.code, 2);
    assert.match(early.stderr, /this is not the unlock key that seals this node's keys/);
    await manager.cli(['unlock'], { input: old });
    await cluster.whole();
    await waitFor(() => sealerOf(manager) === sealerOf(other), { what: 'the new key to seal its keys' });
    await manager.kill9();
    await manager.start();
    await reasonOf(manager, 'store.locked');
    const late = await manager.tryCli(['unlock'], { input: old });
    assert.match(late.stderr, /this is not the unlock key that seals this node's keys/);
    const one = await manager.tryCli(['unlock'], { input: `${shares[1]}\n` });
    assert.match(one.stderr, /1 of 2 shares are given \(2\): 1 more is needed/);
    await manager.cli(['unlock'], { input: `${shares[1]}\n${shares[2]}\n` });
    await cluster.whole();
    assert.equal((await manager.deliver('kept')).toString(), CANARY);
  });

  test('show nothing to whoever takes their directories', async (t) => {
    key = await unlockKeyAt(cluster.at(0));
    await Promise.all(cluster.managers.map((manager) => manager.stop()));
    for (const manager of cluster.managers) {
      assert.deepEqual(scanner.scanTree(manager.stateDirectory), []);
    }
    t.diagnostic(`${scanner.scanned_bytes} bytes were looked through`);
    const directory = temporaryDirectory();
    const thief = await ManagerProcess.start({ directory: directory.path });
    t.after(async () => {
      // First: a daemon that runs begins its audit log anew in what is being removed.
      await thief.destroy();
      directory.remove();
    });
    await thief.stop();
    thief.wipe();
    cpSync(cluster.at(0).stateDirectory, thief.stateDirectory, { recursive: true });
    await thief.start();
    await assertLockedEverywhere(thief);
    const keyFile = path.join(directory.path, 'key');
    await thief.stop();
    await thief.start({ COFFER_UNLOCK_KEY_FILE: keyFile, COFFER_REENROL: 'on' });
    const { message } = await reasonOf(thief, 'store.locked');
    assert.match(message, /COFFER_UNLOCK_KEY_FILE does not help/);
    for (const guess of [randomBytes(32).toString('base64'), '', `${key}0`]) {
      assert.notEqual((await thief.tryCli(['unlock'], { input: guess })).code, 0);
    }
    await reasonOf(thief, 'store.locked');
  });

  test('start all at once with the key in a file, and by themselves once autolock is off', async (t) => {
    const directory = temporaryDirectory();
    t.after(() => directory.remove());
    const file = path.join(directory.path, 'unlock-key');
    writeFileSync(file, `${key}\n`, { mode: 0o600 });
    await Promise.all(cluster.managers.map((manager) => manager.start({ COFFER_UNLOCK_KEY_FILE: file })));
    await cluster.whole();
    for (const manager of cluster.managers) {
      assert.equal((await manager.status()).unlockKeySource?.file, file);
      assert.match(
        (await manager.cli(['status'])).stdout,
        /Data key: .*, sealed, and unlocked at the start from/,
      );
      assert.equal((await manager.deliver('kept')).toString(), CANARY);
    }
    await cluster.at(2).cli(['autolock', 'off']);
    for (const manager of cluster.managers) {
      await waitFor(async () => !(await isSealed(manager)), { what: `${manager.name} to open its keys` });
    }
    await Promise.all(cluster.managers.map((manager) => manager.kill9()));
    await Promise.all(cluster.managers.map((manager) => manager.start()));
    await cluster.whole();
    assert.equal((await cluster.at(1).deliver('kept')).toString(), CANARY);
  });
});

describe('the last manager of three that still has its keys', () => {
  let cluster: ManagerCluster;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).put('kept', CANARY);
    await cluster.at(0).cli(['autolock', 'on']);
    for (const manager of cluster.managers) {
      await waitFor(() => isSealed(manager), { what: `${manager.name} to seal its keys` });
    }
  });
  after(async () => cluster?.destroy());

  test('tells the unlock key though the others are locked, and they come back with it', async () => {
    const [last, ...others] = cluster.managers;
    assert.ok(last !== undefined);
    await Promise.all(others.map((manager) => manager.kill9()));
    await Promise.all(others.map((manager) => manager.start()));
    const told = await last.cli(['unlock-key', '-q'], { timeout_ms: 30_000 });
    assert.match(told.stderr, /the answer may be old/);
    const refused = await last.tryCli(['unlock-key', '--rotate'], { timeout_ms: 30_000 });
    assert.match(refused.stderr, /no leader now: autolock cannot be changed/);
    for (const manager of others) {
      await manager.cli(['unlock'], { input: told.stdout });
    }
    await cluster.whole();
    assert.equal((await others[0]?.deliver('kept'))?.toString(), CANARY);
  });

  test('goes on alone by force though it was locked itself, once it is unlocked', async () => {
    const [survivor, ...lost] = cluster.managers;
    assert.ok(survivor !== undefined);
    const key = await unlockKeyAt(survivor);
    await cluster.whole();
    await Promise.all(lost.map((manager) => manager.kill9()));
    await survivor.restart();
    await reasonOf(survivor, 'store.locked');
    const refused = await survivor.tryCli(['force-new-cluster', '--others-are-gone']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /coffer unlock/);
    await survivor.cli(['unlock'], { input: key });
    await survivor.cli(['force-new-cluster', '--others-are-gone'], { timeout_ms: 60_000 });
    assert.equal((await survivor.deliver('kept')).toString(), CANARY);
    await survivor.put('after', 'the loss');
    await survivor.restart();
    await reasonOf(survivor, 'store.locked');
  });
});
