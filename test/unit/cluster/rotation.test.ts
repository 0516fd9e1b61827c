// SPDX-License-Identifier: Apache-2.0
// The CA of a running cluster is replaced while all of it goes on (A44); roles change, and stores with them.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { PROTOCOL } from '../../../src/cluster/authorize.ts';
import { CofferError } from '../../../src/common/index.ts';
import { authorityDigest } from '../../../src/pki/index.ts';
import { putValue } from '../../support/test-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { present, TestNode } from './cluster-harness.ts';
import { attempt } from './port-attempt.ts';

const QUICK = { rotation: { min_ms: 0, patience_ms: 5_000 } } as const;

describe('a rotation of the CA', () => {
  let leader: TestNode;
  let nodes: readonly TestNode[];

  before(async () => {
    leader = await TestNode.start(QUICK);
    const manager = await leader.joined('manager', QUICK);
    const worker = await leader.joined('worker', QUICK);
    nodes = [leader, manager, worker];
  });
  after(async () => {
    await Promise.all((nodes ?? []).map((node) => node.destroy()));
  });
  beforeEach(() => settled());

  /** No rotation runs, and all have a certificate of the root that issues. */
  async function settled(): Promise<void> {
    await waitFor(() => leader.authority.rotation === undefined && allRenewed(), {
      what: 'the rotation to end',
      timeout_ms: 60_000,
    });
  }

  function allRenewed(): boolean {
    const digest = digestNow();
    return leader.store.cluster.nodes().every(({ certificate }) => certificate.authorityDigest === digest);
  }

  function digestNow(): string {
    return authorityDigest(leader.authority.certificate).toString('hex');
  }

  test('gives every node a new certificate, and then trusts the old root no longer', async (t) => {
    const before = leader.authority;
    const old = leader.issue({ nodeId: leader.id, role: 'manager' });
    const { rotation, digest } = await leader.admin.rotateAuthority();
    assert.ok(rotation !== undefined && rotation.nodes === 3);
    assert.notEqual(digest, authorityDigest(before.certificate).toString('hex'));
    await settled();
    assert.equal((await leader.admin.authority()).rotation, undefined);
    assert.notEqual(leader.authority.certificate, before.certificate);
    for (const node of nodes) {
      await waitFor(() => node.roots.join() === leader.authority.certificate, {
        what: 'a node to trust the new root alone',
      });
    }
    assert.match(await attempt(t, leader.port, PROTOCOL.raft, old), /^pki\.certificate-invalid/);
  });

  test('is begun once, by whoever is first, wherever it is asked for', async () => {
    const before = digestNow();
    const follower = present(nodes[1], 'there is a follower');
    const begun = await Promise.allSettled([
      leader.admin.rotateAuthority(),
      leader.admin.rotateAuthority(),
      follower.admin.rotateAuthority(),
    ]);
    const done = begun.flatMap((result) => (result.status === 'fulfilled' ? [result.value.digest] : []));
    const refused = begun.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : []));
    assert.ok(done.length >= 1 && new Set([...done, before]).size === done.length + 1, done.join());
    assert.ok(
      refused.every((code) => code === 'cluster.rotation-running'),
      refused.join(),
    );
    assert.equal(done.length + refused.length, 3);
    await settled();
    assert.ok(done.includes(digestNow()));
  });

  test('fails no call while it goes on, nor while the next one does', async () => {
    const follower = present(nodes[1], 'there is a follower');
    const done = new AbortController();
    let calls = 0;
    const clients = [leader, follower].map(async (node) => {
      while (!done.signal.aborted) {
        await putValue(node.store, `secret-${calls % 50}`, Buffer.from('value'));
        await node.admin.nodes();
        assert.equal(await node.store.readBarrier(5_000), 'linearizable');
        calls += 1;
      }
    });
    const rotated = (async () => {
      try {
        for (let round = 0; round < 2; round += 1) {
          await leader.admin.rotateAuthority();
          await settled();
        }
      } finally {
        done.abort();
      }
    })();
    await Promise.all([...clients, rotated]);
    assert.ok(calls > 0);
  });

  test('lets nodes join while it goes on, with a token from before it and with one from within', async () => {
    const slow = await leader.admit('worker');
    const before = await leader.token('worker');
    await leader.admin.rotateAuthority();
    assert.ok(leader.authority.rotation !== undefined);
    const within = await leader.token('worker');
    for (const joinToken of [before, within]) {
      const joiner = await TestNode.create();
      try {
        await joiner.start({ settings: { join: [leader.address], joinToken } });
        await waitFor(() => joiner.cluster.place.role === 'worker', {
          what: 'a node to join',
          timeout_ms: 30_000,
        });
        const { id } = joiner;
        await joiner.stop();
        await leader.admin.remove(id, true);
      } finally {
        await joiner.destroy();
      }
    }
    await leader.admin.remove(slow.id, true);
    await settled();
    const late = await TestNode.create();
    try {
      await late.start({ settings: { join: [leader.address], joinToken: before } });
      assert.equal(late.keeper.reason?.code, 'cluster.joining');
      assert.match(late.keeper.reason?.detail ?? '', /not the cluster that the join token is for/);
    } finally {
      await late.destroy();
    }
  });

  test('names those that cannot be reached, and does not wait for them', async () => {
    const away = await leader.admit('manager');
    await leader.admin.rotateAuthority();
    const { rotation } = await leader.admin.authority();
    assert.deepEqual(rotation?.unreachable ?? [away.hostname], [away.hostname]);
    await waitFor(() => leader.authority.rotation === undefined, {
      what: 'the rotation to end',
      timeout_ms: 60_000,
    });
    const left = leader.store.cluster
      .nodes()
      .filter((node) => node.certificate.authorityDigest !== digestNow());
    assert.deepEqual(
      left.map(({ id }) => id),
      [away.id],
    );
    await leader.admin.remove(away.id, true);
  });

  test('leaves out nobody who is there: a demotion and a promotion go on as ever', async () => {
    const follower = present(nodes[1], 'there is a follower');
    const { id } = follower;
    const database = path.join(follower.stateDirectory, 'database');
    assert.ok(existsSync(database));
    await leader.admin.setRole(id, 'worker', true);
    await waitFor(() => follower.cluster.place.role === 'worker' && !existsSync(database), {
      what: 'the manager to be a worker without a store',
      timeout_ms: 30_000,
    });
    assert.throws(() => follower.admin, { code: 'cluster.not-a-manager' });
    await leader.admin.rotateAuthority();
    await settled();
    await leader.admin.setRole(id, 'manager', false);
    await waitFor(
      async () => follower.keeper.state === 'serving' && (await leader.admin.node(id)).node.voter,
      {
        what: 'the worker to be a manager again',
        timeout_ms: 60_000,
      },
    );
    assert.ok(existsSync(database));
    await putValue(follower.store, 'after', Buffer.from('value'));
  });
});

function codeOf(thrown: unknown): string {
  return CofferError.from(thrown).code;
}
