// SPDX-License-Identifier: Apache-2.0
// Grants as an administrator makes and revokes them: at one manager in memory, and in a cluster of real nodes.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { LocalGrants } from '../../../src/cluster/grant-admin.ts';
import type { GrantAdmin } from '../../../src/cluster/index.ts';
import { aGrant } from '../../support/cluster-objects.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { putValue } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { TestNode } from './cluster-harness.ts';
import { admitted, establishedStore, refusal } from './service-harness.ts';

const NOW_MS = 5_000;

describe('a grant', () => {
  let store: MemoryStore;
  let grants: GrantAdmin;

  beforeEach(async () => {
    store = await establishedStore(NOW_MS);
    grants = new LocalGrants({ store, now_ms: () => NOW_MS });
  });

  test('is described with its node, and with whether there is such a secret yet', async () => {
    const { grant, changed } = await grants.grant({ secret: 'db', node: 'first', container: 'web-*' });
    assert.match(grant.id, /^[0-9a-z]{12}$/);
    const { id } = grant;
    assert.deepEqual(
      [grant, changed],
      [
        {
          id,
          secret: 'db',
          secretExists: false,
          node: { id: 'id-first', hostname: 'first' },
          container: 'web-*',
          labels: {},
          image: '',
          grantedAt_ms: NOW_MS,
        },
        true,
      ],
    );
    await putValue(store, 'DB', Buffer.from('value'));
    const { grants: listed, freshness } = await grants.list({});
    assert.deepEqual([listed, freshness], [[{ ...grant, secretExists: true }], 'linearizable']);
  });

  test('that is made again is answered with the one that is there', async () => {
    const labels = { app: 'web', tier: 'front' };
    const first = await grants.grant({ secret: 'db', node: 'first', labels });
    const again = await grants.grant({
      secret: 'db',
      node: 'id-first',
      labels: { tier: 'front', app: 'web' },
    });
    assert.deepEqual([again.grant, again.changed], [first.grant, false]);
    assert.equal(store.cluster.grantCount, 1);
  });

  test('is listed by its secret and by its node', async () => {
    await admitted(store, 'worker');
    const worker = store.cluster.nodes().find(({ role }) => role === 'worker');
    assert.ok(worker !== undefined);
    await grants.grant({ secret: 'db', node: 'first' });
    await grants.grant({ secret: 'DB', node: worker.id });
    await grants.grant({ secret: 'api', node: worker.id });
    const listed = async (filter: Parameters<GrantAdmin['list']>[0]): Promise<readonly string[]> =>
      (await grants.list(filter)).grants.map(({ secret }) => secret).toSorted();
    assert.deepEqual(await listed({ secret: 'dB' }), ['DB', 'db']);
    assert.deepEqual(await listed({ node: worker.id }), ['DB', 'api']);
    assert.deepEqual(await listed({ node: worker.id, secret: 'db' }), ['DB']);
    assert.deepEqual(await listed({ secret: 'none' }), []);
  });

  test('is revoked by its id, or by the beginning of it that no other has', async () => {
    for (const id of ['abc1', 'abd2', 'xyz3']) {
      await store.propose({ kind: 'put-grant', grant: aGrant(id, { secret: id }) });
    }
    await assert.rejects(grants.revoke('ab'), refusal('request.invalid', /ab is ambiguous: 2 grants match/));
    assert.equal((await grants.revoke('x')).grant.id, 'xyz3');
    assert.equal((await grants.revoke('abc1')).grant.secret, 'abc1');
    await assert.rejects(grants.revoke('abc1'), refusal('grant.not-found', /no grant abc1/));
    await assert.rejects(grants.revoke(''), refusal('grant.not-found'));
    assert.deepEqual(
      store.cluster.grants().map(({ id }) => id),
      ['abd2'],
    );
  });

  test('for a node that is not there, or that no container can match, never gets into the log', async () => {
    const before = store.status().lastIndex;
    await assert.rejects(grants.grant({ secret: 'db', node: 'nobody' }), refusal('cluster.node-not-found'));
    await assert.rejects(grants.list({ node: 'nobody' }), refusal('cluster.node-not-found'));
    const wish = { secret: 'db', node: 'first' };
    await assert.rejects(grants.grant({ ...wish, container: '^web' }), refusal('grant.invalid'));
    await assert.rejects(grants.grant({ ...wish, secret: 'd b' }), refusal('grant.invalid'));
    const labels = Object.fromEntries(Array.from({ length: 17 }, (_, number) => [`l${number}`, '']));
    await assert.rejects(grants.grant({ ...wish, labels }), refusal('grant.invalid', /16 labels at most/));
    assert.equal(store.status().lastIndex, before);
  });
});

test('a grant made at a manager that does not lead is known to all, outlives a restart, and goes with its node', async (t) => {
  const leader = await TestNode.start();
  t.after(() => leader.destroy());
  const other = await leader.joined('manager');
  t.after(() => other.destroy());
  const worker = await leader.joined('worker');
  t.after(() => worker.destroy());
  const labels = { 'com.docker.compose.service': 'web' };
  const { grant } = await other.admin.grants.grant({ secret: 'db', node: worker.id, labels });
  await leader.admin.grants.grant({ secret: 'api', node: worker.id });
  const kept = await leader.admin.grants.grant({ secret: 'db', node: leader.id });
  assert.deepEqual((await leader.admin.grants.list({ secret: 'db', node: worker.id })).grants, [grant]);
  await other.stop();
  await other.start();
  await other.serving();
  const ids = async (node: TestNode): Promise<readonly string[]> =>
    (await node.admin.grants.list({ secret: 'db' })).grants.map(({ id }) => id);
  await waitFor(async () => (await ids(other)).length === 2, { what: 'the grants after the restart' });
  const removed = await other.admin.remove(worker.id, true);
  assert.equal(removed.grants, 2);
  assert.deepEqual(await ids(leader), [kept.grant.id]);
  assert.deepEqual(await ids(other), [kept.grant.id]);
});
