// SPDX-License-Identifier: Apache-2.0
// Autolock in a cluster of real nodes: what each manager makes of the replicated wish, and what a locked one needs.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SecretValue } from '../../../src/common/index.ts';
import { combineKeyShares, parseUnlockKey } from '../../../src/crypto/index.ts';
import { currentVersion } from '../../../src/secrets/index.ts';
import { putValue } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { present, TestNode } from './cluster-harness.ts';

const CANARY = 'canary-value-of-autolock';

async function keyOf(node: TestNode): Promise<SecretValue> {
  const { unlockKey } = await node.admin.autolock.unlockKey({});
  return parseUnlockKey(Buffer.from(present(unlockKey, 'autolock is on')));
}

function valueOf(node: TestNode, name: string): string {
  const secret = present(node.store.byName(name), 'the secret is there');
  return node.store.readValue(secret.id, currentVersion(secret).number).expose().toString();
}

/** Every byte that lies in the directory, file by file. */
function bytesIn(directory: string): readonly Buffer[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(directory, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file));
}

describe('A37 autolock on a manager by itself', () => {
  let node: TestNode;
  beforeEach(async () => {
    node = await TestNode.start();
    await putValue(node.store, 'kept', Buffer.from(CANARY));
  });
  afterEach(() => node.destroy());

  test('locks it when it starts again, until it is given the unlock key; nothing is lost', async () => {
    assert.deepEqual(await node.admin.autolock.describe(), {
      enabled: false,
      version: 0,
      sealedHere: false,
      freshness: 'linearizable',
    });
    const on = await node.admin.autolock.set(true);
    assert.deepEqual(on, { enabled: true, version: 1, sealedHere: true, freshness: 'linearizable' });
    assert.deepEqual(await node.admin.autolock.set(true), on, 'on is on');
    const key = await keyOf(node);
    await node.stop();
    await node.start();
    assert.equal(node.keeper.reason?.code, 'store.locked');
    assert.match(node.keeper.reason.hint ?? '', /docker coffer unlock$/);
    node.unlockKey.hold(key);
    await node.keeper.open();
    assert.equal(valueOf(node, 'kept'), CANARY);
    assert.equal(node.store.status().dataKeySealed, true);
  });

  test('says nothing to whoever takes the directory, and another key opens nothing', async () => {
    const identity = JSON.parse(readFileSync(node.identityFile, 'utf8')) as { readonly key: string };
    const keys = readFileSync(path.join(node.stateDirectory, 'keys.json'), 'utf8');
    const dataKeys = (JSON.parse(keys) as { readonly keys: readonly { readonly key: string }[] }).keys;
    await node.admin.autolock.set(true);
    const key = await keyOf(node);
    await node.stop();
    const secrets = [identity.key, ...dataKeys.map((one) => one.key)].map((text) =>
      Buffer.from(text, 'base64'),
    );
    for (const secret of [...secrets, key.expose(), Buffer.from(CANARY)]) {
      // A part is enough to know it by, and base64 differs by where it begins.
      const forms = [secret, secret.toString('hex'), secret.toString('base64').slice(0, 20)];
      for (const bytes of bytesIn(node.stateDirectory)) {
        assert.ok(!forms.some((form) => bytes.includes(form)));
      }
    }
    const wrong = SecretValue.copyOf(Buffer.alloc(32, 7));
    await node.start({ unlockKey: wrong });
    assert.equal(node.keeper.reason?.code, 'store.locked');
  });

  test('takes another key, and the old one is worth nothing from then on', async () => {
    await node.admin.autolock.set(true);
    const before = await keyOf(node);
    const { shares = [] } = await node.admin.autolock.unlockKey({
      rotate: true,
      shares: { threshold: 2, count: 3 },
    });
    assert.equal(shares.length, 3);
    const after = combineKeyShares(shares.slice(1).map((share) => Buffer.from(share)));
    assert.ok((await keyOf(node)).equals(after));
    assert.ok(!after.equals(before));
    await node.stop();
    await node.start({ unlockKey: before });
    assert.equal(node.keeper.reason?.code, 'store.locked');
    await node.stop();
    await node.start({ unlockKey: after });
    assert.equal(valueOf(node, 'kept'), CANARY);
  });

  test('turned off lets it start by itself again', async () => {
    await node.admin.autolock.set(true);
    assert.deepEqual(await node.admin.autolock.set(false), {
      enabled: false,
      version: 2,
      sealedHere: false,
      freshness: 'linearizable',
    });
    await assert.rejects(node.admin.autolock.unlockKey({}), { code: 'cluster.autolock' });
    await assert.rejects(node.admin.autolock.unlockKey({ rotate: true }), { code: 'cluster.autolock' });
    await node.stop();
    await node.start();
    assert.equal(valueOf(node, 'kept'), CANARY);
  });

  test('keeps the role and the certificate through a renewal and a reopening', async () => {
    await node.admin.autolock.set(true);
    await node.keeper.reopen();
    assert.equal(node.keeper.reason, undefined, 'the process has the key still');
    await node.admin.rotateAuthority();
    await waitFor(() => node.roots.length === 2, { what: 'the new root to be written down' });
    assert.ok(!readFileSync(node.identityFile, 'utf8').includes('"key":'));
  });
});

test('a manager that was down while the key changed needs the old one once, and takes the new one by itself', async (t) => {
  const first = await TestNode.start();
  t.after(() => first.destroy());
  await first.admin.autolock.set(true);
  const second = await first.joined('manager');
  t.after(() => second.destroy());
  const third = await first.joined('manager');
  t.after(() => third.destroy());
  for (const node of [second, third]) {
    await waitFor(() => node.store.status().dataKeySealed, { what: 'a manager that joins to seal its keys' });
  }
  const before = await keyOf(third);
  await third.stop();
  await second.admin.autolock.unlockKey({ rotate: true });
  const after = await keyOf(first);
  await third.start({ unlockKey: SecretValue.copyOf(after.expose()) });
  assert.equal(third.keeper.reason?.code, 'store.locked');
  await third.stop();
  await third.start({ unlockKey: SecretValue.copyOf(before.expose()) });
  await third.serving();
  await waitFor(() => third.unlockKey.current?.equals(after) === true, { what: 'the new key to be taken' });
  await third.stop();
  await third.start({ unlockKey: after });
  await third.serving();
});

test('a manager that joins after autolock was turned off is at no moment sealed by the key of then', async (t) => {
  const first = await TestNode.start();
  t.after(() => first.destroy());
  await first.admin.autolock.set(true);
  // More than comes to it in one message: for a while the last that it knows is that autolock is on.
  for (let number = 0; number < 16; number += 1) {
    await putValue(first.store, `large-${number}`, Buffer.alloc(400_000, number));
  }
  await first.admin.autolock.set(false);
  const second = await first.joined('manager');
  t.after(() => second.destroy());
  await waitFor(() => second.lines.some((line) => line.includes('lie in the clear')), {
    what: 'it to have taken the change of its lock',
  });
  assert.deepEqual(
    second.lines.filter((line) => line.includes('are sealed by')),
    [],
  );
});

describe('a manager with autolock that becomes something else', () => {
  let first: TestNode;
  let second: TestNode;
  beforeEach(async () => {
    first = await TestNode.start();
    await first.admin.autolock.set(true);
    second = await first.joined('manager');
    await sealed();
  });
  afterEach(async () => {
    await second.destroy();
    await first.destroy();
  });

  async function sealed(): Promise<void> {
    try {
      await waitFor(() => second.keeper.state === 'serving' && second.store.status().dataKeySealed, {
        what: 'the second manager to seal its keys',
        timeout_ms: 30_000,
      });
    } catch (thrown) {
      const { lines } = second;
      throw new Error(`${second.keeper.state}: ${lines.slice(-8).join('\n')}`, { cause: thrown });
    }
  }

  async function demote(): Promise<void> {
    await first.admin.setRole(second.id, 'worker', true);
    await waitFor(() => second.keeper.reason?.code === 'cluster.not-a-manager', {
      what: 'it to be a worker',
    });
  }

  test('needs no key at its start as a worker, and seals its keys again as a manager', async () => {
    await demote();
    await second.stop();
    await second.start();
    assert.equal(second.keeper.reason?.code, 'cluster.not-a-manager');
    await first.admin.setRole(second.id, 'manager', true);
    await sealed();
  });

  test('seals its keys again as a manager without a start in between, and opens with the key', async () => {
    await demote();
    assert.equal(second.unlockKey.current, undefined, 'a worker has no unlock key');
    await first.admin.setRole(second.id, 'manager', true);
    await sealed();
    const key = await keyOf(first);
    await second.stop();
    await second.start({ unlockKey: key });
    await second.serving();
  });

  test('was a worker for a while and is a manager again when it is back: it is locked, and then begins anew', async () => {
    const key = await keyOf(first);
    const third = await first.joined('manager');
    try {
      await second.stop();
      await first.admin.setRole(second.id, 'worker', true);
      await first.admin.setRole(second.id, 'manager', true);
      await second.start();
      assert.equal(second.keeper.reason?.code, 'store.locked');
      second.unlockKey.hold(key);
      await second.keeper.open();
      await sealed();
      await second.stop();
      await second.start({ unlockKey: await keyOf(first) });
      await second.serving();
    } finally {
      await third.destroy();
    }
  });
});

test('an identity that is sealed beside a store that was lost is opened by the unlock key, not given up', async (t) => {
  const node = await TestNode.start();
  t.after(() => node.destroy());
  await node.admin.autolock.set(true);
  const key = await keyOf(node);
  const id = node.id;
  await node.stop();
  for (const name of ['keys.json', 'database', 'checkpoint']) {
    rmSync(path.join(node.stateDirectory, name), { recursive: true });
  }
  await node.start();
  assert.equal(node.keeper.reason?.code, 'store.locked');
  node.unlockKey.hold(key);
  await node.keeper.open();
  assert.equal(node.keeper.reason?.code, 'store.damaged', `the store of ${id} is gone, as it says`);
});
