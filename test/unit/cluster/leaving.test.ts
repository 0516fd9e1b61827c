// SPDX-License-Identifier: Apache-2.0
// Nodes that are removed or given another role, while they are there and while they are away.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PROTOCOL } from '../../../src/cluster/authorize.ts';
import { waitFor } from '../../support/wait-for.ts';
import { RawPeer } from '../transport/transport-harness.ts';
import { TestNode } from './cluster-harness.ts';

describe('a node that leaves', () => {
  let leader: TestNode;
  /** It keeps the quorum while another is away. */
  let third: TestNode;
  before(async () => {
    leader = await TestNode.start();
    third = await leader.joined('manager');
  });
  after(async () => {
    await third?.destroy();
    await leader?.destroy();
  });

  async function hearsThatItWasRemoved(node: TestNode): Promise<void> {
    await waitFor(() => node.keeper.reason?.code === 'cluster.node-removed', {
      what: 'the node to hear that it was removed',
      timeout_ms: 30_000,
    });
    assert.equal(node.cluster.place.problem?.code, 'cluster.node-removed');
    assert.throws(() => node.admin, { code: 'cluster.node-removed' });
    assert.match(node.keeper.reason?.hint ?? '', /let it join under a new id/);
  }

  for (const role of ['manager', 'worker'] as const) {
    test(`as a ${role} that was removed hears so and serves nothing, also when it is started again`, async (t) => {
      const node = await leader.joined(role);
      t.after(() => node.destroy());
      await leader.admin.remove(node.id, true);
      await hearsThatItWasRemoved(node);
      await node.stop();
      await node.start();
      await hearsThatItWasRemoved(node);
    });

    test(`as a ${role} that was removed while it was away hears so when it is back`, async (t) => {
      const node = await leader.joined(role);
      t.after(() => node.destroy());
      const { id } = node;
      await node.stop();
      await leader.admin.remove(id, true);
      await node.start();
      await hearsThatItWasRemoved(node);
    });
  }

  test('as a manager that was demoted while it was away comes back as a worker, without its store (A48)', async (t) => {
    const node = await leader.joined('manager');
    t.after(() => node.destroy());
    const { id } = node;
    await node.stop();
    await leader.admin.setRole(id, 'worker', true);
    await node.start();
    await waitFor(() => node.cluster.place.role === 'worker', {
      what: 'it to be a worker',
      timeout_ms: 30_000,
    });
    await waitFor(() => !existsSync(path.join(node.stateDirectory, 'database')), { what: 'its store to go' });
    assert.equal(node.id, id);
    await leader.admin.remove(id, true);
  });

  test('as a manager, and came back as one while it was away, begins in its new place with a new store', async (t) => {
    const node = await leader.joined('manager');
    t.after(() => node.destroy());
    const { id } = node;
    const raftIds = [leader.store.cluster.node(id)?.raftId];
    await node.stop();
    await leader.admin.setRole(id, 'worker', true);
    await leader.admin.setRole(id, 'manager', false);
    raftIds.push(leader.store.cluster.node(id)?.raftId);
    await node.start();
    await waitFor(async () => (await leader.admin.node(id)).node.voter, {
      what: 'it to vote again',
      timeout_ms: 30_000,
    });
    await node.serving();
    assert.equal(node.id, id);
    assert.notEqual(raftIds[0], raftIds[1]);
    await node.stop();
    await node.start();
    await node.serving();
    await leader.admin.remove(id, true);
  });
});

test('a node whose port was taken at first listens once it is free, and cuts the connections of the removed on it', async (t) => {
  const squatter = createServer();
  const node = await TestNode.create();
  t.after(() => node.destroy());
  await new Promise<void>((resolve) => squatter.listen(node.port, '127.0.0.1', resolve));
  await node.start();
  await node.serving();
  assert.match(node.cluster.place.problem?.detail ?? '', /cannot listen on/);
  await new Promise<void>((resolve) => squatter.close(() => resolve()));
  await waitFor(() => node.cluster.place.problem === undefined, { what: 'the node to listen' });
  const guest = await node.admit('worker');
  const credentials = node.issue({ nodeId: guest.id, role: 'worker' });
  const peer = await RawPeer.member(t, node.port, PROTOCOL.member, credentials).accepted();
  await node.admin.remove(guest.id, true);
  await peer.over();
});
