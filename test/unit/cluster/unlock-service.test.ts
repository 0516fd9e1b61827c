// SPDX-License-Identifier: Apache-2.0
// What a manager answers to another one that is locked, by its own state.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { BODY, encodeBody } from '../../../src/cluster/rpc-body.ts';
import { UnlockService } from '../../../src/cluster/unlock-service.ts';
import { SecretValue } from '../../../src/common/index.ts';
import { unlockKeyId } from '../../../src/crypto/index.ts';
import type { CallContext, PeerIdentity } from '../../../src/transport/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { admitted, contextOf, establishedStore, peerOf, refusal } from './service-harness.ts';

const NOW_MS = 1_000_000;
const keyOf = (fill: number): Buffer => Buffer.alloc(32, fill);
const idOf = (fill: number): string => unlockKeyId(SecretValue.copyOf(keyOf(fill)));

describe('a manager that is asked for the unlock key', () => {
  let store: MemoryStore;
  let service: UnlockService;
  let nodeId: string;
  let now_ms: number;
  let lines: string[];
  let connected: string | undefined;

  async function autolock(fill: number): Promise<void> {
    const version = (store.cluster.autolock?.version ?? 0) + 1;
    const peerUnlock = { earlierKeys: [] };
    const wish = { kind: 'autolock', version, unlockKey: keyOf(fill), peerUnlock } as const;
    await store.propose({ kind: 'set-autolock', autolock: wish });
  }

  async function register(publicKeyFingerprint: string): Promise<void> {
    const registration = { nodeId, publicKeyFingerprint, authorityDigest: 'digest' };
    await store.propose({
      kind: 'register-peer-unlock',
      registration: { kind: 'peer-unlock', ...registration },
    });
  }

  async function ask(fills: readonly number[], over: Partial<PeerIdentity> = {}): Promise<Buffer> {
    const peer = {
      ...peerOf(nodeId, 'manager'),
      role: 'unlock',
      publicKeyFingerprint: 'key',
      ...over,
    } as const;
    return askAs(contextOf('10.0.0.9', peer), fills);
  }

  async function askAs(context: CallContext, fills: readonly number[]): Promise<Buffer> {
    const body = encodeBody(BODY.unlock, { unlockKeyIds: fills.map(idOf) });
    const method = service.methods['key'] ?? assert.fail('there is one');
    return method(body, context);
  }

  beforeEach(async () => {
    now_ms = NOW_MS;
    lines = [];
    connected = undefined;
    const record = (sentence: string, fields: object = {}): void =>
      void lines.push(JSON.stringify({ sentence, ...fields }));
    store = await establishedStore(now_ms);
    ({ id: nodeId } = await admitted(store, 'manager'));
    await autolock(1);
    await register('key');
    service = new UnlockService({
      store: () => store,
      isConnected: (id) => id === connected,
      now_ms: () => now_ms,
      logger: { debug: record, info: record, warn: record, error: record },
    });
  });

  test('tells it to one that is known, as a copy that may be wiped, and writes down to whom', async () => {
    const key = await ask([1]);
    assert.deepEqual(key, keyOf(1));
    key.fill(0);
    assert.deepEqual(await ask([1]), keyOf(1));
    assert.match(lines.join('\n'), new RegExp(`given the unlock key","node":"${nodeId}","from":"10.0.0.9"`));
    for (const form of ['hex', 'base64', 'latin1'] as const) {
      assert.ok(!lines.join('\n').includes(keyOf(1).toString(form)));
    }
  });

  test('tells the key that the node was sealed by when it last ran, of the last eight', async () => {
    for (const fill of [2, 3]) {
      await autolock(fill);
    }
    assert.deepEqual(await ask([1]), keyOf(1));
    assert.deepEqual(await ask([9, 2, 3]), keyOf(2), 'the first that there is');
    for (let fill = 4; fill < 11; fill += 1) {
      await autolock(fill);
    }
    assert.deepEqual(await ask([2]), keyOf(2));
    await assert.rejects(ask([1]), refusal('unlock.peer-refused', /a key that is not kept|that is not kept/));
    assert.match(lines.at(-1) ?? '', /was not given the unlock key/);
  });

  test('refuses whoever is no locked manager that it knows', async () => {
    await assert.rejects(askAs(contextOf(), [1]), refusal('cluster.role'));
    await assert.rejects(ask([1], { role: 'manager' }), refusal('cluster.role'));
    await assert.rejects(ask([1], { publicKeyFingerprint: 'other' }), refusal('unlock.peer-refused'));
    await assert.rejects(ask([1], { nodeId: 'z'.repeat(25) }), refusal('cluster.node-unknown'));
    await assert.rejects(ask([]), refusal('request.invalid'));
  });

  test('refuses one that was removed since its connection was let in', async () => {
    await store.propose({ kind: 'retire-manager', nodeId, leaving: 'removed' });
    await assert.rejects(ask([1]), refusal('cluster.role', /a manager no longer/));
    await store.propose({ kind: 'remove-node', nodeId, at_ms: now_ms });
    await assert.rejects(ask([1]), refusal('cluster.node-removed'));
    assert.match(lines.at(-1) ?? '', /"code":"cluster.node-removed"/);
  });

  test('refuses whoever asks in the name of one that runs, and writes it down', async () => {
    connected = nodeId;
    await assert.rejects(ask([1]), refusal('unlock.peer-refused', /somebody else asks in its name/));
    assert.match(lines.at(-1) ?? '', /was not given.*somebody else asks in its name/);
    connected = 'another';
    assert.deepEqual(await ask([1]), keyOf(1));
  });

  test('refuses all once peer unlock is off, and those that were known before when it is on again', async () => {
    await store.propose({ kind: 'set-peer-unlock', enabled: false });
    await assert.rejects(ask([1]), refusal('unlock.peer-refused', /peer unlock is off/));
    await store.propose({ kind: 'set-peer-unlock', enabled: true });
    await assert.rejects(ask([1]), refusal('unlock.peer-refused', /not known by this key/));
    await register('new');
    assert.deepEqual(await ask([1], { publicKeyFingerprint: 'new' }), keyOf(1));
  });

  test('answers one node ten times at once, and then from time to time', async () => {
    for (let count = 0; count < 10; count += 1) {
      await ask([1]);
    }
    await assert.rejects(ask([1]), refusal('cluster.rate-limited'));
    now_ms += 5_000;
    await ask([1]);
  });
});
