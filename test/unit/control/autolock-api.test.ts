// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { FakeCluster, UNLOCK_KEY } from '../../support/fake-cluster.ts';
import { codeOf, type Harness, type Reply, refusalOf, send, withControl } from './control-harness.ts';

function sendJson(harness: Harness, method: string, target: string, body: unknown): Promise<Reply> {
  const bytes = Buffer.from(JSON.stringify(body));
  return send(harness, method, target, bytes, { 'content-type': 'application/json' });
}

test('autolock is shown, turned on and off, and its key handed out whole or in shares', async () => {
  const cluster = new FakeCluster();
  await withControl({ cluster: () => cluster }, async (harness) => {
    const before = await send(harness, 'GET', '/v1/autolock');
    assert.deepEqual(before.json, {
      enabled: false,
      version: 1,
      sealedHere: false,
      freshness: 'linearizable',
    });
    const on = await sendJson(harness, 'PUT', '/v1/autolock', { enabled: true });
    assert.deepEqual(on.json, { enabled: true, version: 1, sealedHere: true, freshness: 'linearizable' });
    const key = await sendJson(harness, 'POST', '/v1/unlock-key', {});
    assert.deepEqual([key.status, key.json], [200, { unlockKey: UNLOCK_KEY, freshness: 'linearizable' }]);
    assert.equal(key.headers['cache-control'], 'no-store');
    const wish = { rotate: true, shares: { threshold: 2, count: 3 } };
    const shares = await sendJson(harness, 'POST', '/v1/unlock-key', wish);
    const texts = ['COFFER-SHARE-1-1', 'COFFER-SHARE-1-2', 'COFFER-SHARE-1-3'];
    assert.deepEqual(shares.json, { shares: texts, freshness: 'linearizable' });
    assert.deepEqual(cluster.calls, ['autolock on', 'unlockKey {}', `unlockKey ${JSON.stringify(wish)}`]);
  });
});

test('peer unlock is turned on with autolock, or by itself, and told with no more than is meant to be', async () => {
  const cluster = new FakeCluster();
  await withControl({ cluster: () => cluster }, async (harness) => {
    const on = await sendJson(harness, 'PUT', '/v1/autolock', { enabled: true, peerUnlock: true });
    assert.deepEqual(on.json, {
      enabled: true,
      version: 1,
      sealedHere: true,
      peerUnlock: { managers: 3, known: 2, knownHere: true },
      freshness: 'linearizable',
    });
    const off = await sendJson(harness, 'PUT', '/v1/peer-unlock', { enabled: false });
    assert.deepEqual(off.json, { enabled: true, version: 1, sealedHere: true, freshness: 'linearizable' });
    assert.deepEqual(cluster.calls, ['autolock on peer unlock on', 'peer unlock off']);
  });
});

test('what is asked wrongly is refused before anything is changed', async () => {
  const cluster = new FakeCluster();
  await withControl({ cluster: () => cluster }, async (harness) => {
    const wrong: readonly (readonly [string, string, unknown])[] = [
      ['PUT', '/v1/autolock', {}],
      ['PUT', '/v1/autolock', { enabled: 'yes' }],
      ['PUT', '/v1/autolock', { enabled: true, peerUnlock: 'yes' }],
      ['PUT', '/v1/peer-unlock', {}],
      ['PUT', '/v1/peer-unlock', { enabled: 1 }],
      ['POST', '/v1/unlock-key', { rotate: 1 }],
      ['POST', '/v1/unlock-key', { more: true }],
      ['POST', '/v1/unlock-key', { rotate: true, shares: { threshold: 3, count: 2 } }],
      ['POST', '/v1/unlock-key', { rotate: true, shares: { threshold: 1, count: 2 } }],
      ['POST', '/v1/unlock-key', { rotate: true, shares: { threshold: 2, count: 17 } }],
      ['POST', '/v1/unlock-key', { rotate: true, shares: { threshold: 2 } }],
    ];
    for (const [method, target, body] of wrong) {
      const refused = await sendJson(harness, method, target, body);
      assert.deepEqual([refused.status, codeOf(refused)], [400, 'request.invalid'], refused.text);
    }
    assert.deepEqual(cluster.calls, []);
  });
});

test('unlock takes the body as it is, and passes on why it did not help', async () => {
  const given: string[] = [];
  const unlock = async (text: Buffer): Promise<void> => {
    given.push(text.toString());
    if (given.length > 1) {
      throw new CofferError('unlock.wrong-key', 'this is not the unlock key', { hint: 'Use another.' });
    }
  };
  await withControl({ unlock }, async (harness) => {
    const done = await send(harness, 'POST', '/v1/unlock', Buffer.from('COFFER\nKEY'));
    assert.deepEqual([done.status, done.json], [200, { state: 'serving' }]);
    const refused = await send(harness, 'POST', '/v1/unlock', Buffer.from('other'));
    assert.deepEqual(refusalOf(refused), {
      code: 'unlock.wrong-key',
      message: 'this is not the unlock key',
      hint: 'Use another.',
    });
    const large = await send(harness, 'POST', '/v1/unlock', Buffer.alloc(20_000));
    assert.deepEqual([large.status, codeOf(large)], [413, 'request.too-large']);
    assert.deepEqual(given, ['COFFER\nKEY', 'other']);
  });
  await withControl({}, async (harness) => {
    const nothing = await send(harness, 'POST', '/v1/unlock', Buffer.from('x'));
    assert.deepEqual([nothing.status, codeOf(nothing)], [409, 'unlock.not-locked']);
  });
});
