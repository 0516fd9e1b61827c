// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { GrantReply, GrantsReply, SecretReply } from '../../../src/control/index.ts';
import { CLUSTER_NOW_MS, FakeCluster } from '../../support/fake-cluster.ts';
import { grantingCluster } from '../../support/granting-cluster.ts';
import { putValue } from '../../support/test-store.ts';
import { codeOf, type Harness, type Reply, send, withControl } from './control-harness.ts';

/** With a cluster on the store that the control server has. */
async function withGrants(work: (harness: Harness) => Promise<void>): Promise<void> {
  let cluster = new FakeCluster();
  await withControl({ cluster: () => cluster }, async (harness) => {
    cluster = await grantingCluster(harness.store);
    await work(harness);
  });
}

function post(harness: Harness, body: unknown): Promise<Reply> {
  return send(harness, 'POST', '/v1/grants', Buffer.from(JSON.stringify(body)), {
    'content-type': 'application/json',
  });
}

const messageOf = ({ json }: Reply): string => (json as { message: string }).message;
const grantIn = ({ json }: Reply): GrantReply['grant'] => (json as GrantReply).grant;

test('a grant is made once, listed by its secret and its node, and revoked', async () => {
  await withGrants(async (harness) => {
    const wish = {
      secret: 'db',
      node: 'web-1',
      container: 'app-*',
      labels: { tier: 'front' },
      image: 'redis:8',
    };
    const made = await post(harness, wish);
    const grant = grantIn(made);
    assert.deepEqual(
      [made.status, made.json],
      [
        201,
        {
          grant: {
            ...wish,
            id: grant.id,
            secretExists: false,
            node: { id: 'id-web-1', hostname: 'web-1' },
            grantedAt_ms: CLUSTER_NOW_MS,
          },
          changed: true,
        },
      ],
    );
    const again = await post(harness, { ...wish, secret: 'DB' });
    assert.deepEqual([again.status, again.json], [200, { grant, changed: false }]);
    const other = grantIn(await post(harness, { secret: 'api', node: 'web-2' }));
    for (const [query, ids] of [
      ['', [grant.id, other.id]],
      ['?secret=Db', [grant.id]],
      ['?node=id-web-2', [other.id]],
      ['?node=web-2&secret=db', []],
    ] as const) {
      const { json } = await send(harness, 'GET', `/v1/grants${query}`);
      const { freshness, grants } = json as GrantsReply;
      assert.deepEqual(new Set(grants.map(({ id }) => id)), new Set(ids), query);
      assert.equal(freshness, 'linearizable');
    }
    const revoked = await send(harness, 'DELETE', `/v1/grants/${grant.id.slice(0, 10)}`);
    assert.deepEqual([revoked.status, revoked.json], [200, { grant }]);
    const gone = await send(harness, 'DELETE', `/v1/grants/${grant.id}`);
    assert.deepEqual([gone.status, codeOf(gone)], [404, 'grant.not-found']);
  });
});

test('each label counts, whatever it is called: one less would make a grant wider', async () => {
  await withGrants(async (harness) => {
    const labels = { constructor: 'a', prototype: '', ['__proto__']: 'b' };
    const made = await post(harness, { secret: 'db', node: 'first', labels });
    assert.deepEqual(Object.entries(grantIn(made).labels), Object.entries(labels));
    const [kept] = harness.store.cluster.grants();
    assert.deepEqual(new Map(Object.entries(kept?.labels ?? {})), new Map(Object.entries(labels)));
  });
});

test('a grant that cannot be is refused with one sentence and what to do, and changes nothing', async () => {
  await withGrants(async (harness) => {
    const wish = { secret: 'db', node: 'first' };
    for (const [body, status, code, sentence] of [
      [{ node: 'first' }, 400, 'request.invalid', /^the body lacks "secret"$/],
      [{ secret: 'db' }, 400, 'request.invalid', /^the body lacks "node"$/],
      [{ ...wish, nodes: 'x' }, 400, 'request.invalid', /^unknown key "nodes" in the body$/],
      [{ ...wish, labels: ['a'] }, 400, 'request.invalid', /^labels is an object of texts$/],
      [{ ...wish, labels: { a: 1 } }, 400, 'request.invalid', /^labels is an object of texts$/],
      [{ ...wish, labels: null }, 400, 'request.invalid', /^labels is an object of texts$/],
      [
        { ...wish, container: 5 },
        400,
        'request.invalid',
        /^container is a container's name; left out, it is any$/,
      ],
      [{ ...wish, image: '' }, 400, 'request.invalid', /^image is an image's name; left out, it is any$/],
      [{ ...wish, node: 'x'.repeat(257) }, 400, 'request.invalid', /^node is a name or an id$/],
      [
        { ...wish, node: 'nobody' },
        404,
        'cluster.node-not-found',
        /^there is no node nobody in the cluster$/,
      ],
      [{ ...wish, node: 'id-web' }, 400, 'request.invalid', /^id-web is ambiguous: 2 nodes match$/],
      [{ ...wish, secret: 'd/b' }, 400, 'grant.invalid', /^the secret's name is invalid/],
      [{ ...wish, container: '^web.*' }, 400, 'grant.invalid', /^no container can be named "\^web\.\*"$/],
      [{ ...wish, image: 'redis:*' }, 400, 'grant.invalid', /^no image can be named "redis:\*"$/],
      [{ ...wish, labels: { '': 'a' } }, 400, 'grant.invalid', /^a label has a key$/],
    ] as const) {
      const reply = await post(harness, body);
      assert.deepEqual([reply.status, codeOf(reply)], [status, code], JSON.stringify(body));
      assert.match(messageOf(reply), sentence);
    }
    for (const [method, target, status, code] of [
      ['GET', '/v1/grants?secrets=db', 400, 'request.invalid'],
      ['GET', '/v1/grants?node=nobody', 404, 'cluster.node-not-found'],
      ['GET', '/v1/grants/abc', 405, 'request.method'],
      ['DELETE', '/v1/grants', 405, 'request.method'],
      ['DELETE', '/v1/grants/abc', 404, 'grant.not-found'],
      ['DELETE', `/v1/grants/${'x'.repeat(257)}`, 400, 'request.invalid'],
    ] as const) {
      const reply = await send(harness, method, target);
      assert.deepEqual([reply.status, codeOf(reply)], [status, code], target);
    }
    assert.equal(harness.store.cluster.grantCount, 0);
  });
});

test('a change that no majority has taken is told as such, and what is listed without one is said to be local', async () => {
  await withGrants(async (harness) => {
    harness.store.freshness = 'local';
    assert.equal(((await send(harness, 'GET', '/v1/grants')).json as GrantsReply).freshness, 'local');
    harness.store.proposeError = new CofferError('store.unavailable', 'the cluster has no leader now');
    const reply = await post(harness, { secret: 'db', node: 'first' });
    assert.deepEqual([reply.status, codeOf(reply)], [503, 'store.unavailable']);
  });
});

test('the grants of a secret that is removed stay, and are named in the answer', async () => {
  await withGrants(async (harness) => {
    await putValue(harness.store, 'db', Buffer.from('value'));
    const grant = grantIn(await post(harness, { secret: 'DB', node: 'web-1' }));
    assert.equal(grant.secretExists, true);
    await post(harness, { secret: 'other', node: 'web-1' });
    const removed = await send(harness, 'DELETE', '/v1/secrets/db');
    assert.deepEqual((removed.json as SecretReply).grants, [grant.id]);
    const { grants } = (await send(harness, 'GET', '/v1/grants?secret=db')).json as GrantsReply;
    assert.deepEqual(grants, [{ ...grant, secretExists: false }]);
  });
});

test('a node that has no cluster to show says why', async () => {
  const cluster = (): never => {
    throw new CofferError('cluster.not-a-manager', 'this node is a worker');
  };
  await withControl({ cluster }, async (harness) => {
    for (const reply of [
      await send(harness, 'GET', '/v1/grants'),
      await post(harness, { secret: 'db', node: 'first' }),
      await send(harness, 'DELETE', '/v1/grants/abc'),
    ]) {
      assert.deepEqual([reply.status, codeOf(reply)], [503, 'cluster.not-a-manager']);
    }
  });
});
