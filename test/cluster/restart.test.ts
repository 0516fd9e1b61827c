// SPDX-License-Identifier: Apache-2.0
// Managers that are started again: all at once, and one by one while clients write and read.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ManagerCluster } from '../support/manager-cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';
import { Clients } from './clients.ts';
import { Deliveries } from './deliveries.ts';
import { History, withFreshness } from './history.ts';
import { problemsOf } from './judge.ts';

describe('A20 three managers', () => {
  let cluster: ManagerCluster;
  const names = Array.from({ length: 12 }, (_, index) => `secret-${index}`);
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await Promise.all(names.map((name, index) => cluster.at(index % 3).put(name, `value of ${name}`)));
  });
  after(async () => cluster?.destroy());

  async function assertAllThere(): Promise<void> {
    for (const manager of cluster.managers) {
      for (const name of names) {
        assert.equal((await manager.deliver(name)).toString(), `value of ${name}`, manager.name);
      }
    }
    await Promise.all(cluster.managers.map((manager) => manager.put('afterwards', manager.name)));
  }

  test('killed all at once have all their secrets again, and take new ones', async () => {
    await Promise.all(cluster.managers.map((manager) => manager.kill9()));
    await Promise.all(cluster.managers.map((manager) => manager.start()));
    await cluster.whole();
    await assertAllThere();
  });

  test('stopped all at once have all their secrets again, and take new ones', async () => {
    await Promise.all(cluster.managers.map((manager) => manager.stop()));
    for (const manager of cluster.managers.toReversed()) {
      await manager.start();
    }
    await cluster.whole();
    await assertAllThere();
  });

  test('started again one by one under load lose nothing, and the others deliver meanwhile', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const history = new History('one by one');
    const clients = Clients.start({ managers: cluster.managers, history, random });
    const deliveries = Deliveries.start({
      managers: cluster.managers,
      name: 'secret-0',
      value: 'value of secret-0',
    });
    for (const manager of [...cluster.managers, await cluster.leader()]) {
      deliveries.leaveOut(manager);
      await manager.restart();
      await cluster.whole();
      deliveries.takeIn(manager);
      const made = clients.calls;
      await waitFor(() => clients.calls > made + 20, { what: 'some calls between two restarts' });
    }
    await clients.stop();
    const { failures, count } = await deliveries.stop();
    t.diagnostic(`${clients.calls} calls, and ${count} deliveries beside them`);
    const logs = cluster.managers.map((manager) => manager.log());
    assert.deepEqual(problemsOf(withFreshness(history.entries, logs)), []);
    assert.deepEqual(failures, []);
    await assertAllThere();
  });
});
