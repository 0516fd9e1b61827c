// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecretValue } from '../../../src/common/index.ts';
import type { RotateReply, RotationsReply } from '../../../src/control/index.ts';
import type { RotationObject } from '../../../src/membership/index.ts';
import type { RotationWish } from '../../../src/rotation/index.ts';
import { aRotatedService, aRotation } from '../../support/cluster-objects.ts';
import { rotateCommand } from '../../support/rotate-command.ts';
import { putValue } from '../../support/test-store.ts';
import { codeOf, send, withControl } from './control-harness.ts';

interface Begun {
  readonly name: string;
  readonly value: string;
  readonly expect: number | undefined;
  readonly timeout_ms: number;
}

/** Remembers what it was asked for; the rotation that it answers with goes back. */
function recorder(): {
  readonly begun: Begun[];
  readonly wishes: RotationWish[];
  readonly rotate: (wish: RotationWish) => Promise<RotationObject>;
} {
  const begun: Begun[] = [];
  const wishes: RotationWish[] = [];
  const rotate = async (wish: RotationWish): Promise<RotationObject> => {
    const { expect, secret, timeout_ms, value } = wish;
    wishes.push(wish);
    begun.push({ name: secret.name, value: value.expose().toString(), expect, timeout_ms });
    return aRotation('r', {
      phase: 'rolling-back',
      problem: 'why',
      restoredVersion: 3,
      services: [aRotatedService('a', { state: 'left-out', note: 'pinned', forceUpdate: 7 })],
    });
  };
  return { begun, wishes, rotate };
}

test('a rotation begins with the value in the body, which is wiped, and the answer tells no more than is meant', async () => {
  const { begun, rotate, wishes } = recorder();
  await withControl({ rotate }, async (harness) => {
    await putValue(harness.store, 'db', Buffer.from('old'));
    const query = 'expect=1&timeout_ms=60000';
    const { json, status } = await send(
      harness,
      'POST',
      `/v1/secrets/DB/rotate?${query}`,
      Buffer.from('new'),
    );
    assert.equal(status, 201);
    assert.deepEqual((json as RotateReply).rotation, {
      id: 'r',
      secret: 'db',
      fromVersion: 1,
      toVersion: 2,
      restoredVersion: 3,
      phase: 'rolling-back',
      problem: 'why',
      timeout_ms: 600_000,
      services: [{ id: 'id-a', name: 'a', state: 'left-out', note: 'pinned' }],
      begunAt_ms: 3_000,
    });
    assert.deepEqual(begun, [{ name: 'db', value: 'new', expect: 1, timeout_ms: 60_000 }]);
    const [wish] = wishes;
    assert.deepEqual(wish?.value.expose(), Buffer.alloc(3), 'it is wiped');
  });
});

test('a rotation can have its value made, and waits ten minutes for each service unless it is told', async () => {
  const { begun, rotate } = recorder();
  await withControl({ rotate }, async (harness) => {
    await putValue(harness.store, 'db', Buffer.from('old'));
    assert.equal((await send(harness, 'POST', '/v1/secrets/db/rotate?spec=hex:16')).status, 201);
    assert.match(begun[0]?.value ?? '', /^[0-9a-f]{32}$/);
    assert.equal(begun[0]?.timeout_ms, 600_000);
  });
});

test('what cannot be rotated is refused before anything begins', async () => {
  const { begun, rotate } = recorder();
  await withControl({ rotate }, async (harness) => {
    await putValue(harness.store, 'db', Buffer.from('old'));
    const refused = async (target: string): Promise<unknown> =>
      codeOf(await send(harness, 'POST', `/v1/secrets/${target}`, Buffer.from('new')));
    assert.equal(await refused('other/rotate'), 'secret.not-found');
    for (const query of ['timeout_ms=9999', 'timeout_ms=86400001', 'expect=0', 'expect=x', 'version=1']) {
      assert.equal(await refused(`db/rotate?${query}`), 'request.invalid', query);
    }
    assert.equal(codeOf(await send(harness, 'POST', '/v1/secrets/db/rotate')), 'secret.value-size');
    assert.deepEqual(begun, []);
  });
  await withControl({}, async (harness) => {
    const { json, status } = await send(harness, 'POST', '/v1/secrets/db/rotate', Buffer.from('new'));
    assert.deepEqual([status, codeOf({ json })], [502, 'engine.unreachable']);
  });
});

test('a rotation is cancelled by the name or the id of its secret, also when that is removed meanwhile', async () => {
  await withControl({}, async (harness) => {
    const { store } = harness;
    const begin = async (name: string, rotationId: string): Promise<string> => {
      const { id } = await putValue(store, name, Buffer.from('old'));
      await store.propose(rotateCommand(id, rotationId));
      return id;
    };
    const cancel = (reference: string): Promise<{ readonly json: unknown; readonly status: number }> =>
      send(harness, 'POST', `/v1/secrets/${reference}/rotate/cancel`);
    await begin('db', 'r1');
    const { json, status } = await cancel('DB');
    assert.equal(status, 200);
    const { phase, problem, restoredVersion } = (json as RotateReply).rotation;
    assert.deepEqual([phase, problem, restoredVersion], ['rolling-back', 'it was cancelled', 3]);
    assert.equal(store.byName('db')?.versions.at(-1)?.copyOf, 1);
    assert.equal(codeOf(await cancel('db')), 'rotation.refused');
    await store.propose({ kind: 'end-rotation', id: 'r1', at_ms: 3 });
    assert.equal(codeOf(await cancel('db')), 'rotation.not-found');
    assert.equal(codeOf(await cancel('none')), 'secret.not-found');

    const id = await begin('api', 'r2');
    await store.propose({ kind: 'remove', id });
    const removed = (await cancel(id)).json as RotateReply;
    assert.match(removed.rotation.problem ?? '', /^it was cancelled; the secret was removed meanwhile$/);
    assert.equal(
      codeOf(await send(harness, 'POST', '/v1/secrets/api/rotate/cancel?force=1')),
      'request.invalid',
    );
  });
});

test('rotations are listed newest first, of all secrets or of one', async () => {
  await withControl({}, async (harness) => {
    for (const [at, name] of ['db', 'api', 'db'].entries()) {
      const { id } = await putValue(harness.store, name, Buffer.from('old'));
      await harness.store.propose({
        kind: 'rotate',
        id,
        rotationId: `r${at}`,
        expect: undefined,
        services: [],
        timeout_ms: 60_000,
        value: SecretValue.copyOf(Buffer.from('new')),
        at_ms: at,
      });
    }
    const listed = async (query: string): Promise<readonly string[]> => {
      const { json } = await send(harness, 'GET', `/v1/rotations${query}`);
      return (json as RotationsReply).rotations.map(({ id }) => id);
    };
    assert.deepEqual(await listed(''), ['r2', 'r1', 'r0']);
    assert.deepEqual(await listed('?secret=DB'), ['r2', 'r0']);
    assert.deepEqual(await listed('?secret=none'), []);
  });
});
