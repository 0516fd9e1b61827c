// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ForwardingAdmin } from '../../../src/cluster/forwarding-admin.ts';
import type { LocalAdmin } from '../../../src/cluster/local-admin.ts';
import { MemberClient } from '../../../src/cluster/member-client.ts';
import { CofferError } from '../../../src/common/index.ts';
import { createAuthority } from '../../../src/pki/index.ts';
import { CredentialsSource } from '../../../src/transport/index.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { CLUSTER_ID, refusal } from './service-harness.ts';

describe('the administration at a manager', () => {
  const LEADER = { nodeId: 'leader', raftId: 2, address: '127.0.0.1:1' };
  const HERE = { nodeId: 'here', raftId: 1, address: '127.0.0.1:2' };

  function adminWith(
    leader: () => typeof LEADER | undefined,
    clock: { readonly monotonic_ms?: () => number } = {},
  ): { admin: ForwardingAdmin; calls: string[] } {
    const calls: string[] = [];
    const local = new Proxy({} as LocalAdmin, {
      get: (_, name) => async (): Promise<unknown> => {
        calls.push(String(name));
        return name === 'nodes'
          ? [
              { id: 'here', self: false },
              { id: 'leader', self: true },
            ]
          : { node: { id: 'x' } };
      },
    });
    const left = new Promise<void>(() => undefined);
    const { certificate, privateKey } = createAuthority({ clusterId: CLUSTER_ID, now_ms: Date.now() });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const credentials = new CredentialsSource({ certificate, key, roots: [] });
    const client = new MemberClient({
      clusterId: CLUSTER_ID,
      nodeId: 'here',
      credentials,
      managers: () => [],
    });
    return {
      admin: new ForwardingAdmin({
        local,
        autolock: new FakeCluster().autolock,
        dataKey: new FakeCluster().dataKey,
        survivors: new FakeCluster().survivors,
        maintenance: new FakeCluster().maintenance,
        grants: new FakeCluster().grants,
        policies: new FakeCluster().policies,
        client,
        nodeId: 'here',
        leader,
        left,
        ...clock,
      }),
      calls,
    };
  }

  test('is carried out here where this manager leads, and each node is seen from here', async () => {
    const { admin, calls } = adminWith(() => HERE);
    const nodes = await admin.nodes();
    assert.deepEqual(
      nodes.map(({ id, self }) => [id, self]),
      [
        ['here', true],
        ['leader', false],
      ],
    );
    await admin.setRole('x', 'worker', false);
    await admin.remove('x', true);
    await admin.rotateAuthority();
    // Each change looks first whether it is about this node.
    assert.deepEqual(calls, ['nodes', 'node', 'setRole', 'node', 'remove', 'rotateAuthority']);
  });

  test('says what is known here while the leader cannot be reached, and changes nothing then', async () => {
    const { admin, calls } = adminWith(() => LEADER);
    await admin.describe();
    await admin.nodes();
    await admin.authority();
    assert.equal((await admin.node('x')).node.self, false);
    assert.deepEqual(calls, ['describe', 'nodes', 'authority', 'node']);
    await assert.rejects(admin.setRole('x', 'worker', true), refusal('transport.unreachable'));
    await assert.rejects(admin.remove('x', true), refusal('transport.unreachable'));
    await assert.rejects(admin.rotateAuthority(), refusal('transport.unreachable'));
    assert.deepEqual(
      calls.slice(4),
      ['node', 'node'],
      'what was looked up to know whether it is about this node',
    );
  });

  test('waits five seconds for a leader, however late its looks come, and then says that there is none', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const late_ms of [0, 950]) {
      let now_ms = 0;
      const { admin, calls } = adminWith(() => undefined, { monotonic_ms: () => now_ms });
      const removing = admin.remove('x', true).catch((thrown: unknown) => CofferError.from(thrown));
      while (now_ms <= 5_000) {
        now_ms += 50 + late_ms;
        t.mock.timers.tick(50);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const refused = await removing;
      assert.ok(refused instanceof CofferError && refused.code === 'store.unavailable');
      assert.match(refused.detail, /has no leader/);
      assert.deepEqual(calls, ['node']);
    }
  });

  test('for another manager needs this one to lead, and a call that there is, with what belongs to it', async () => {
    const follower = adminWith(() => LEADER);
    await assert.rejects(follower.admin.administer('nodes', []), refusal('store.unavailable'));
    const { admin, calls } = adminWith(() => HERE);
    const bad: readonly (readonly [string, readonly unknown[]])[] = [
      ['describe', [1]],
      ['nodes', ['x']],
      ['node', []],
      ['node', [1]],
      ['node', ['x', 'y']],
      ['setRole', ['x', 'king', true]],
      ['setRole', ['x', 'worker']],
      ['remove', ['x', 'true']],
      ['remove', [{ toString: 'x' }, true]],
      ['rotateAuthority', [null]],
      ['authority', [{}]],
      ['createToken', []],
      ['createToken', [{ role: 'worker', uses: 1, ttl_ms: 60_000 }]],
      ['createToken', [{ role: 'manager', uses: 2, ttl_ms: 60_000 }]],
      ['createToken', [{ role: 'manager', uses: 1, ttl_ms: 1e12 }]],
    ];
    for (const [call, given] of bad) {
      await assert.rejects(admin.administer(call, given), refusal('request.invalid'), call);
    }
    for (const call of ['tokens', 'revokeToken', 'administer', 'constructor', '__proto__', '']) {
      await assert.rejects(admin.administer(call, []), refusal('request.not-found'), call);
    }
    assert.deepEqual(calls, []);
    await admin.administer('describe', []);
    await admin.administer('nodes', []);
    await admin.administer('node', ['x']);
    await admin.administer('setRole', ['x', 'worker', true]);
    await admin.administer('remove', ['x', false]);
    await admin.administer('rotateAuthority', []);
    await admin.administer('authority', []);
    assert.deepEqual(calls, [
      'describe',
      'nodes',
      'node',
      'node',
      'setRole',
      'node',
      'remove',
      'rotateAuthority',
      'authority',
    ]);
  });
});
