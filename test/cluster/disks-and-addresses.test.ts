// SPDX-License-Identifier: Apache-2.0
// Managers that come back without what they had, or somewhere else, and newcomers that say a wrong address.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeIdOf, nodesAt, reasonOf, removeNode } from '../support/cluster-calls.ts';
import { freePort } from '../support/free-port.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-for.ts';

describe('in a cluster of three managers', () => {
  let cluster: ManagerCluster;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).put('kept', 'value');
  });
  after(async () => cluster?.destroy());

  async function assertAllServe(): Promise<void> {
    await cluster.whole();
    for (const manager of cluster.running) {
      await manager.put('kept', manager.name);
      for (const reader of cluster.running) {
        assert.equal((await reader.deliver('kept')).toString(), manager.name);
      }
    }
  }

  async function addressesSeenBy(manager: ManagerProcess): Promise<readonly string[]> {
    return (await nodesAt(manager)).map(({ address }) => address).sort();
  }

  async function remove(oldId: string): Promise<void> {
    const leader = await cluster.leader();
    await waitFor(
      async () => (await nodesAt(leader)).some(({ id, status }) => id === oldId && status === 'down'),
      {
        what: 'the old entry to be down',
      },
    );
    await removeNode(leader, oldId);
  }

  for (const which of ['a follower', 'the leader'] as const) {
    test(`A23 ${which} that comes back at another port is found again, under its old id`, async () => {
      const moved = which === 'the leader' ? await cluster.leader() : await cluster.follower();
      const [id, before] = [await nodeIdOf(moved), moved.address];
      await moved.move();
      assert.notEqual(moved.address, before);
      await cluster.whole();
      assert.equal(await nodeIdOf(moved), id);
      const expected = cluster.managers.map(({ address }) => address).sort();
      for (const manager of cluster.managers) {
        await waitFor(async () => (await addressesSeenBy(manager)).join() === expected.join(), {
          what: `${manager.name} to know the new address`,
        });
      }
      await assertAllServe();
    });
  }

  test('A23 what moved is where it was found last, after all were started again', async () => {
    await Promise.all(cluster.managers.map((manager) => manager.stop()));
    await Promise.all(cluster.managers.map((manager) => manager.start()));
    await assertAllServe();
  });

  test('A24 whoever says an address at which nobody is does not join, and says what to do', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const newcomer = await cluster.begin({ env: { COFFER_ADVERTISE: nobody } });
    const { message, hint } = await reasonOf(newcomer, 'cluster.joining');
    assert.match(message, new RegExp(`cannot reach the new node at ${nobody}`));
    assert.match(hint ?? '', /COFFER_ADVERTISE/);
    assert.equal((await nodesAt(cluster.at(0))).length, 3);
    await cluster.discard(newcomer);
  });

  test("A24 nor does one that says another manager's address", async () => {
    const newcomer = await cluster.begin({ env: { COFFER_ADVERTISE: cluster.at(1).address } });
    const { message } = await reasonOf(newcomer, 'cluster.joining');
    assert.match(message, /another node answers there/);
    assert.equal((await nodesAt(cluster.at(0))).length, 3);
    await cluster.discard(newcomer);
  });

  test('A25 one whose store alone is gone does not begin anew, and says what to do', async () => {
    const broken = await cluster.follower();
    await broken.stop();
    for (const file of ['keys.json', 'database', 'checkpoint']) {
      rmSync(path.join(broken.stateDirectory, file), { recursive: true });
    }
    await broken.start();
    const { message, hint } = await reasonOf(broken, 'store.damaged');
    assert.match(message, /store of this node is gone/);
    assert.match(hint ?? '', /docker coffer rebuild/);
    await cluster.leader();
  });

  test('A25 one whose disk is empty joins again under a new id, and the old entry can go', async () => {
    const leader = await cluster.leader();
    const states = await Promise.all(
      cluster.managers.map(async (manager) => ({ manager, state: (await manager.status()).state })),
    );
    const broken = states.find(({ state }) => state !== 'serving')?.manager;
    assert.ok(broken);
    const oldId = (await nodesAt(leader)).find(({ address }) => address === broken.address)?.id ?? '';
    await broken.stop();
    broken.wipe(await cluster.joining());
    await broken.start();
    await broken.serving();
    const newId = await nodeIdOf(broken);
    assert.notEqual(newId, oldId);
    await waitFor(async () => (await nodesAt(leader)).length === 4, { what: 'the new entry' });
    await remove(oldId);
    assert.ok((await nodesAt(leader)).every(({ id }) => id !== oldId));
    await assertAllServe();
  });
});
