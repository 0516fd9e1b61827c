// SPDX-License-Identifier: Apache-2.0
// Managers that are demoted, removed and promoted: followers and leaders, those that run and those that are down.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { changeRole, clusterAt, nodeIdOf, nodesAt, reasonOf, removeNode } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { ManagerRefusal } from '../support/manager-refusal.ts';
import { putThroughControl } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';

function others(cluster: ManagerCluster, ...without: readonly ManagerProcess[]): readonly ManagerProcess[] {
  return cluster.running.filter((manager) => !without.includes(manager));
}

async function refused(work: Promise<unknown>, code: string, sentence: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof ManagerRefusal && error.code === code, String(error));
    assert.match(error.message, sentence);
    return true;
  });
}

async function isDown(at: ManagerProcess, nodeId: string): Promise<void> {
  await waitFor(
    async () => (await nodesAt(at)).some(({ id, status }) => id === nodeId && status === 'down'),
    {
      what: 'the node to be down',
    },
  );
}

async function voters(at: ManagerProcess): Promise<readonly number[]> {
  const described = await clusterAt(at);
  return [described.managers, described.workers, described.voters];
}

/** That it keeps nothing, and does nothing for tasks. */
async function assertNoStore(manager: ManagerProcess): Promise<void> {
  for (const file of ['keys.json', 'database', 'checkpoint']) {
    await waitFor(() => !existsSync(path.join(manager.stateDirectory, file)), { what: `${file} to be gone` });
  }
  await assert.rejects(manager.deliver('kept'), /refused: /);
}

describe('A19 a manager that leaves', () => {
  let cluster: ManagerCluster;
  afterEach(async () => cluster?.destroy());

  async function start(size: number): Promise<void> {
    cluster = await ManagerCluster.start({ size });
    await cluster.at(0).put('kept', 'value');
  }

  test('a follower is demoted and forgets its store; promoted, it votes again and has all of it', async () => {
    await start(3);
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    const id = await nodeIdOf(follower);
    const { node, warnings } = await changeRole(leader, id, 'worker');
    assert.equal(node.role, 'worker');
    assert.match(warnings.join(' '), /2 managers vote, an even number/);
    assert.deepEqual(await voters(leader), [2, 1, 2]);
    await reasonOf(follower, 'cluster.not-a-manager');
    assert.equal((await follower.status()).cluster?.role, 'worker');
    await assertNoStore(follower);
    await leader.put('meanwhile', 'written');
    await cluster.whole(others(cluster, follower));

    await changeRole(leader, id, 'manager');
    await follower.serving();
    await cluster.whole();
    assert.equal(await nodeIdOf(follower), id);
    assert.equal((await follower.deliver('meanwhile')).toString(), 'written');
    assert.equal((await follower.deliver('kept')).toString(), 'value');
    await follower.put('kept', 'changed');
  });

  test('the leader hands over before it is demoted, whoever is asked to do it', async () => {
    await start(3);
    for (const asked of ['itself', 'a follower'] as const) {
      const leader = await cluster.leader();
      const id = await nodeIdOf(leader);
      const [other] = others(cluster, leader);
      assert.ok(other);
      const { node } = await changeRole(asked === 'itself' ? leader : other, id, 'worker');
      assert.equal(node.role, 'worker', asked);
      await reasonOf(leader, 'cluster.not-a-manager');
      await cluster.whole(others(cluster, leader));
      await other.put('kept', `without ${leader.name}`);
      await changeRole(other, id, 'manager');
      await leader.serving();
      await cluster.whole();
      assert.equal((await leader.deliver('kept')).toString(), `without ${leader.name}`);
    }
  });

  for (const asked of ['itself', 'a follower'] as const) {
    test(`the leader is removed by ${asked}, and the others go on`, async () => {
      await start(3);
      const leader = await cluster.leader();
      const rest = others(cluster, leader);
      const id = await nodeIdOf(leader);
      const [other] = rest;
      assert.ok(other);
      const { node } = await removeNode(asked === 'itself' ? leader : other, id);
      assert.equal(node.id, id);
      await reasonOf(leader, 'cluster.node-removed');
      await cluster.whole(rest);
      for (const manager of rest) {
        assert.deepEqual(await voters(manager), [2, 0, 2]);
        await manager.put('kept', manager.name);
      }
      await leader.restart();
      await reasonOf(leader, 'cluster.node-removed');
      await assert.rejects(leader.deliver('kept'), /refused: /);
    });
  }

  test('a follower demotes itself, and another removes itself', async () => {
    await start(3);
    const [demoted, removed] = others(cluster, await cluster.leader());
    assert.ok(demoted && removed);
    const { node } = await changeRole(demoted, await nodeIdOf(demoted), 'worker');
    assert.equal(node.role, 'worker');
    await reasonOf(demoted, 'cluster.not-a-manager');
    assert.equal((await removeNode(removed, await nodeIdOf(removed))).node.self, true);
    await reasonOf(removed, 'cluster.node-removed');
    const rest = others(cluster, demoted, removed);
    await cluster.whole(rest);
    await rest[0]?.put('kept', 'alone');
  });

  test('a removed follower is cut off at once, and says so', async (t) => {
    await start(3);
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    await refused(removeNode(leader, await nodeIdOf(follower), false), 'cluster.quorum', /is a manager/);
    const begun_ms = performance.now();
    await removeNode(leader, await nodeIdOf(follower));
    const removed_ms = performance.now();
    const { hint } = await reasonOf(follower, 'cluster.node-removed');
    const told_ms = performance.now();
    t.diagnostic(
      `removed after ${Math.round(removed_ms - begun_ms)} ms, and says so ${Math.round(told_ms - removed_ms)} ms later`,
    );
    assert.match(hint ?? '', /state directory/);
    await assert.rejects(follower.deliver('kept'), /refused: /);
    await assert.rejects(follower.put('kept', 'from outside'), /node-removed/);
    await cluster.whole(others(cluster, follower));
  });

  test('what a removed manager has still forwarded changes nothing', async () => {
    await start(3);
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    const id = await nodeIdOf(follower);
    follower.pause();
    // It is asked before it can know that it was removed.
    const put = putThroughControl(follower, 'late', Buffer.from('from outside'));
    await removeNode(leader, id);
    follower.resume();
    assert.ok((await put).status >= 400);
    await reasonOf(follower, 'cluster.node-removed');
    for (const manager of others(cluster, follower)) {
      await refused(manager.inspect('late'), 'secret.not-found', /late/);
    }
  });

  test('nobody leaves who is needed for the quorum, and the last manager stays', async () => {
    await start(3);
    const leader = await cluster.leader();
    const [down, last] = others(cluster, leader);
    assert.ok(down && last);
    const [downId, lastId] = [await nodeIdOf(down), await nodeIdOf(last)];
    await down.kill9();
    await isDown(leader, downId);
    await refused(changeRole(leader, lastId, 'worker'), 'cluster.quorum', /needed for a quorum/);
    await refused(removeNode(leader, lastId), 'cluster.quorum', /needed for a quorum/);
    assert.deepEqual(await voters(leader), [3, 0, 3]);

    await removeNode(leader, downId);
    assert.deepEqual(await voters(leader), [2, 0, 2]);
    await changeRole(last, lastId, 'worker');
    assert.deepEqual(await voters(leader), [1, 1, 1]);
    await leader.put('kept', 'alone');
    const ownId = await nodeIdOf(leader);
    await refused(changeRole(leader, ownId, 'worker'), 'cluster.quorum', /last manager/);
    await refused(removeNode(leader, ownId), 'cluster.quorum', /last manager/);
    assert.deepEqual(await voters(leader), [1, 1, 1]);
    assert.equal((await leader.deliver('kept')).toString(), 'alone');
  });

  test('A48 demoted while it was down, it comes back as a worker without a store', async () => {
    await start(3);
    const leader = await cluster.leader();
    const down = await cluster.follower();
    const id = await nodeIdOf(down);
    await down.kill9();
    await isDown(leader, id);
    await changeRole(leader, id, 'worker');
    assert.deepEqual(await voters(leader), [2, 1, 2]);

    await down.start();
    await reasonOf(down, 'cluster.not-a-manager');
    await assertNoStore(down);
    const refusals = others(cluster, down)
      .map((manager) => manager.log())
      .join('')
      .split('\n')
      .filter((line) => line.includes('"kind":"cluster.role"') && line.includes(id));
    assert.ok(refusals.length > 0, 'its old certificate was shown, and refused');
    await cluster.whole(others(cluster, down));
  });
});
