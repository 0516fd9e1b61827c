// SPDX-License-Identifier: Apache-2.0
// Clusters of one, three and five managers, however they come together.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { clusterAt, joinTokenFrom, nodeIdOf, nodesAt, reasonOf } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';

/** What is written at one manager is there at each of them, at once. */
async function assertOneStore(cluster: ManagerCluster): Promise<void> {
  for (const writer of cluster.running) {
    const value = `written at ${writer.name}`;
    await writer.put('shared', value);
    for (const reader of cluster.running) {
      const { secret, freshness } = await reader.inspect('shared');
      assert.equal(freshness, 'linearizable', reader.name);
      assert.equal((await reader.deliver('shared')).toString(), value, reader.name);
      assert.ok(secret.version > 0);
    }
  }
}

describe('managers', () => {
  const clusters: ManagerCluster[] = [];
  async function start(size: number): Promise<ManagerCluster> {
    const cluster = await ManagerCluster.start({ size });
    clusters.push(cluster);
    return cluster;
  }
  after(() => Promise.all(clusters.map((cluster) => cluster.destroy())));

  test('one is a cluster by itself', async () => {
    const cluster = await start(1);
    const [only] = cluster.managers;
    assert.ok(only);
    await assertOneStore(cluster);
    const { managers, voters, quorum, leader, warnings } = await clusterAt(only);
    assert.deepEqual([managers, voters, quorum, leader?.id], [1, 1, 1, await nodeIdOf(only)]);
    assert.deepEqual(warnings, []);
  });

  test('three join one after the other, and each vote counts', async () => {
    const cluster = await start(3);
    await assertOneStore(cluster);
    const { managers, voters, quorum, reachableVoters, warnings } = await clusterAt(cluster.at(2));
    assert.deepEqual([managers, voters, quorum, reachableVoters], [3, 3, 2, 3]);
    assert.deepEqual(warnings, []);
    for (const manager of cluster.managers) {
      const self = (await nodesAt(manager)).filter((node) => node.self);
      assert.deepEqual(
        self.map(({ id, address }) => [id, address]),
        [[await nodeIdOf(manager), manager.address]],
      );
    }
  });

  test('two join at the same moment, and one through a follower', async () => {
    const cluster = await start(1);
    await Promise.all([cluster.begin(), cluster.begin()]);
    await cluster.whole();
    const follower = await cluster.follower();
    await Promise.all([cluster.begin({ through: follower }), cluster.begin({ through: cluster.at(0) })]);
    await cluster.whole();
    assert.equal(cluster.managers.length, 5);
    await assertOneStore(cluster);
  });

  test('a token that was revoked leaves the membership as it was, and the node says why', async () => {
    const cluster = clusters[1];
    assert.ok(cluster);
    const token = await joinTokenFrom(cluster.at(0), { role: 'manager' });
    await joinTokenFrom(cluster.at(0), { role: 'manager', rotate: true });
    const stranger = await cluster.begin({ token });
    const { message, hint } = await reasonOf(stranger, 'cluster.joining');
    assert.match(message, /does not know this join token/);
    assert.match(hint ?? '', /join-token manager/);
    assert.equal((await nodesAt(cluster.at(0))).length, 3);
    await cluster.discard(stranger);
  });
});
