// SPDX-License-Identifier: Apache-2.0
// What five managers do while three of them are down, and when one of those comes back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clusterAt } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { ManagerRefusal } from '../support/manager-refusal.ts';
import { waitFor } from '../support/wait-for.ts';
import { Deliveries } from './deliveries.ts';
import { describeTimes } from './times.ts';

function refusedWith(...codes: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ManagerRefusal && codes.includes(error.code), String(error));
    return true;
  };
}

describe('five managers, of which three are killed', () => {
  let cluster: ManagerCluster;
  let survivors: readonly ManagerProcess[] = [];
  let killed: readonly ManagerProcess[] = [];
  before(async () => {
    cluster = await ManagerCluster.start({ size: 5 });
    await cluster.at(0).put('kept', 'value');
  });
  after(async () => cluster?.destroy());

  async function killThree(which: 'with the leader' | 'without the leader'): Promise<void> {
    const leader = await cluster.leader();
    const followers = cluster.managers.filter((manager) => manager !== leader);
    killed = which === 'with the leader' ? [leader, ...followers.slice(0, 2)] : followers.slice(0, 3);
    survivors = cluster.managers.filter((manager) => !killed.includes(manager));
    await Promise.all(killed.map((manager) => manager.kill9()));
  }

  async function assertWritesGoOn(name: string): Promise<void> {
    for (const manager of cluster.running) {
      await manager.put(name, manager.name);
      for (const reader of cluster.running) {
        assert.equal((await reader.deliver(name)).toString(), manager.name, reader.name);
      }
    }
  }

  test('A17, A18 refuse what is proposed without a leader, and deliver all the same', async (t) => {
    await killThree('with the leader');
    const proposed = Promise.all(
      survivors.map((manager) =>
        assert.rejects(manager.put('never', 'seen'), refusedWith('store.timeout', 'store.unavailable')),
      ),
    );
    const deliveries = Deliveries.start({ managers: survivors, name: 'kept', value: 'value' });
    await waitFor(() => deliveries.count > 100, { what: 'deliveries without a quorum' });
    const { failures, times_ms } = await deliveries.stop();
    t.diagnostic(`time of a delivery without a quorum: ${describeTimes(times_ms)}`);
    assert.deepEqual(failures, []);
    const described = await Promise.all(survivors.map(clusterAt));
    assert.deepEqual(
      described.map(({ leader, voters, quorum }) => [leader, voters, quorum]),
      survivors.map(() => [undefined, 5, 3]),
    );
    await proposed;
    for (const manager of survivors) {
      const lines = manager.log().split('\n');
      assert.ok(
        lines.some((line) => line.includes('"secret":"kept"') && line.includes('"freshness":"local"')),
        'the log tells of deliveries from local state',
      );
      assert.equal((await manager.inspect('kept')).freshness, 'local');
      await assert.rejects(manager.inspect('never'), refusedWith('secret.not-found'));
      await assert.rejects(manager.deliver('never'), /coffer holds no secret never/);
    }
  });

  test('A17 with one more manager back writes go on, and what was refused stays away', async () => {
    const [back, ...others] = killed;
    assert.ok(back);
    await back.start();
    await cluster.leader();
    await assertWritesGoOn('again');
    await Promise.all(others.map((manager) => manager.start()));
    await cluster.whole();
    for (const manager of cluster.managers) {
      await assert.rejects(manager.inspect('never'), refusedWith('secret.not-found'));
    }
  });

  test('A17 a leader without a quorum acknowledges nothing and shows nothing, and all agree afterwards', async () => {
    await killThree('without the leader');
    const lonely = survivors.map((manager) => manager.put('open', `from ${manager.name}`));
    const seen = survivors.map(async (manager) => {
      await assert.rejects(manager.inspect('open'), refusedWith('secret.not-found'));
    });
    await Promise.all(seen);
    await Promise.all(
      lonely.map((put) => assert.rejects(put, refusedWith('store.timeout', 'store.unavailable'))),
    );
    for (const manager of survivors) {
      await assert.rejects(manager.inspect('open'), refusedWith('secret.not-found'));
    }
    await Promise.all(killed.map((manager) => manager.start()));
    await cluster.whole();
    // Its outcome was not known: it may have happened, to all of them or to none.
    const values = await Promise.all(
      cluster.managers.map((manager) =>
        manager.deliver('open').then(
          (value) => value.toString(),
          () => 'none',
        ),
      ),
    );
    assert.equal(new Set(values).size, 1, values.join());
    await assertWritesGoOn('again');
  });
});
