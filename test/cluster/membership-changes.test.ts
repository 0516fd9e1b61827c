// SPDX-License-Identifier: Apache-2.0
// Changes of the membership that are disturbed: by each other, by a leader that dies or stands still, by a newcomer that is gone.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, describe, test } from 'node:test';
import {
  changeRole,
  clusterAt,
  joinTokenFrom,
  nodeIdOf,
  nodesAt,
  reasonOf,
  removeNode,
} from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';

const ROUNDS = 3;
/** About as long as a demotion takes. */
const DEMOTION_MS = 120;
const DEMOTION_MS_MAX = 30_000;

describe('the membership', () => {
  let cluster: ManagerCluster;
  afterEach(async () => cluster?.destroy());
  after(async () => cluster?.destroy());

  test('a node that has joined as a worker is promoted, and votes', async () => {
    cluster = await ManagerCluster.start({ size: 2 });
    await cluster.at(0).put('kept', 'value');
    const token = await joinTokenFrom(cluster.at(1), { role: 'worker' });
    const worker = await cluster.begin({ token });
    await reasonOf(worker, 'cluster.not-a-manager');
    const { cluster: place } = await worker.status();
    assert.equal(place?.role, 'worker');
    await assert.rejects(worker.deliver('kept'), /refused: /);
    await changeRole(cluster.at(0), await nodeIdOf(worker), 'manager');
    await worker.serving();
    await cluster.whole();
    assert.equal((await worker.deliver('kept')).toString(), 'value');
    const leader = await cluster.leader();
    await (leader === worker ? cluster.at(0) : leader).kill9();
    await worker.put('kept', 'of the two that are left');
  });

  test('a newcomer that is gone as soon as it has joined is waited for, and can be removed', async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    const newcomer = await cluster.begin();
    await waitFor(() => newcomer.log().includes('joined a cluster'), { what: 'it to join', interval_ms: 5 });
    await newcomer.kill9();
    const leader = await cluster.leader();
    const gone = (await nodesAt(leader)).find(({ address }) => address === newcomer.address);
    assert.ok(gone);
    await leader.put('kept', 'meanwhile');
    await waitFor(
      async () => (await nodesAt(leader)).some(({ id, status }) => id === gone.id && status === 'down'),
      {
        what: 'it to be down',
      },
    );
    await removeNode(leader, gone.id);
    await cluster.whole();
    await newcomer.start();
    await reasonOf(newcomer, 'cluster.node-removed');
  });

  test('two that leave at the same time are both out, and the quorum is kept', async () => {
    cluster = await ManagerCluster.start({ size: 5 });
    const leader = await cluster.leader();
    const followers = cluster.managers.filter((manager) => manager !== leader);
    const [one, other, ...rest] = followers;
    assert.ok(one && other);
    await Promise.all([
      nodeIdOf(one).then((id) => changeRole(leader, id, 'worker')),
      nodeIdOf(other).then((id) => removeNode(rest[0] ?? leader, id)),
    ]);
    await cluster.whole([leader, ...rest]);
    await reasonOf(one, 'cluster.not-a-manager');
    await reasonOf(other, 'cluster.node-removed');
    for (const manager of [leader, ...rest]) {
      await manager.put('kept', manager.name);
    }
  });

  test('a demotion whose leader is killed is finished by the next one, or can be asked for again', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    cluster = await ManagerCluster.start({ size: 3 });
    for (let round = 0; round < ROUNDS; round += 1) {
      const leader = await cluster.leader();
      const target = await cluster.follower();
      const id = await nodeIdOf(target);
      const asked = changeRole(leader, id, 'worker').then(
        () => 'answered',
        () => 'not answered',
      );
      await delay(random.below(DEMOTION_MS));
      await leader.kill9();
      t.diagnostic(`round ${round}: ${await asked}`);
      await leader.start();
      await cluster.leader();
      // Not at the next leader, which may be the target on its way out; and again if it has gone meanwhile.
      await waitFor(async () => (await changeRole(leader, id, 'worker')) !== undefined, {
        what: 'the demotion to be asked for again',
        timeout_ms: DEMOTION_MS_MAX,
      });
      await reasonOf(target, 'cluster.not-a-manager');
      await cluster.whole(cluster.managers.filter((manager) => manager !== target));
      await changeRole(leader, id, 'manager');
      await target.serving();
      await cluster.whole();
      await target.put('kept', `round ${round}`);
      assert.equal((await leader.deliver('kept')).toString(), `round ${round}`);
    }
  });

  test('what is asked of a follower is answered while the leader stands still', async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    // Over a connection that is there already.
    await nodesAt(follower);
    leader.pause();
    const [nodes, description] = await Promise.all([nodesAt(follower), clusterAt(follower)]);
    assert.equal(nodes.length, 3);
    assert.equal(description.voters, 3);
    await cluster.leader(cluster.managers.filter((manager) => manager !== leader));
    await follower.put('kept', 'value');
    leader.resume();
    await cluster.whole();
  });

  test('A25 one whose disk is empty, and that is told of no cluster, is not taken for what it was', async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    const [founder, ...others] = cluster.managers;
    assert.ok(founder);
    await founder.put('kept', 'value');
    const [id, clusterId] = [await nodeIdOf(founder), (await founder.status()).store?.clusterId];
    await founder.kill9();
    founder.wipe();
    await founder.start();
    await founder.serving();
    assert.notEqual((await founder.status()).store?.clusterId, clusterId);
    await assert.rejects(founder.deliver('kept'), /coffer holds no secret/);
    const leader = await cluster.leader(others);
    await leader.put('kept', 'by the others');
    await waitFor(
      async () => (await nodesAt(leader)).some((node) => node.id === id && node.status === 'down'),
      {
        what: 'the others to see that the old one is down',
      },
    );
    await removeNode(leader, id);
    await cluster.whole(others);
    assert.equal((await nodesAt(founder)).length, 1);
  });
});
