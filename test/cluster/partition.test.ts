// SPDX-License-Identifier: Apache-2.0
// Three managers on a network that is cut, one way and both ways, and that is slow and loses packets, while clients write and
// read at all of them.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test, type TestContext } from 'node:test';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { Network, type NetworkHost } from '../support/network.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';
import { Clients } from './clients.ts';
import { Deliveries } from './deliveries.ts';
import { History, withFreshness } from './history.ts';
import { problemsOf } from './judge.ts';

/** How many calls are made in each state of the network. */
const CALLS = 40;

describe('three managers on a network', () => {
  let network: Network;
  let cluster: ManagerCluster;
  let histories = 0;
  before(async () => {
    network = await Network.create();
    cluster = await ManagerCluster.start({ size: 3, network });
    await cluster.at(0).put('always', 'there');
  });
  afterEach(async () => network.heal());
  after(async () => {
    await cluster?.destroy();
    await network?.destroy();
  });

  function hostOf(manager: ManagerProcess): NetworkHost {
    const host = network.hosts[cluster.managers.indexOf(manager)];
    assert.ok(host);
    return host;
  }

  function othersOf(manager: ManagerProcess): readonly ManagerProcess[] {
    return cluster.managers.filter((other) => other !== manager);
  }

  /** Has clients at work while `disturb` does what it does; `calls` waits until they have made some more. */
  async function underLoad(
    t: TestContext,
    disturb: (calls: () => Promise<unknown>) => Promise<void>,
  ): Promise<void> {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const history = new History(t.name);
    // A history begins with nothing under its names.
    histories += 1;
    const names = [`apple-${histories}`, `birch-${histories}`, `cedar-${histories}`];
    const clients = Clients.start({ managers: cluster.managers, history, random, names });
    const deliveries = Deliveries.start({ managers: cluster.managers, name: 'always', value: 'there' });
    const calls = async (): Promise<unknown> => {
      const made = clients.calls;
      return waitFor(() => clients.calls > made + CALLS, { what: 'more calls', timeout_ms: 30_000 });
    };
    await disturb(calls);
    await network.heal();
    await cluster.whole();
    await clients.stop();
    const { failures, count } = await deliveries.stop();
    t.diagnostic(`${clients.calls} calls, and ${count} deliveries beside them`);
    const logs = cluster.managers.map((manager) => manager.log());
    assert.deepEqual(problemsOf(withFreshness(history.entries, logs)), []);
    assert.deepEqual(failures, []);
    assert.ok(history.entries.filter(({ result }) => result.kind === 'done').length > 0);
  }

  test('a leader that is cut off is replaced, and acknowledges nothing that is lost', async (t) => {
    await underLoad(t, async (calls) => {
      for (let cut = 0; cut < 2; cut += 1) {
        const lonely = await cluster.leader();
        const others = othersOf(lonely);
        await network.partition([hostOf(lonely)], others.map(hostOf));
        const next = await cluster.leader(others);
        await next.put('first', `without ${lonely.name}`);
        await calls();
        await network.heal();
        await cluster.whole();
      }
    });
  });

  test('a leader that is not heard is replaced, though it hears the others', async (t) => {
    await underLoad(t, async (calls) => {
      const silent = await cluster.leader();
      for (const other of othersOf(silent)) {
        await network.block(hostOf(silent), hostOf(other));
      }
      const next = await cluster.leader(othersOf(silent));
      await next.put('first', `without ${silent.name}`);
      await calls();
    });
  });

  test('a leader that hears nobody is replaced, though it is heard', async (t) => {
    await underLoad(t, async (calls) => {
      const deaf = await cluster.leader();
      for (const other of othersOf(deaf)) {
        await network.block(hostOf(other), hostOf(deaf));
      }
      const next = await cluster.leader(othersOf(deaf));
      await next.put('first', `without ${deaf.name}`);
      await calls();
    });
  });

  test('two that do not reach each other still have a leader with the third', async (t) => {
    await underLoad(t, async (calls) => {
      const leader = await cluster.leader();
      const [one] = othersOf(leader);
      assert.ok(one);
      await network.partition([hostOf(leader)], [hostOf(one)]);
      await (await cluster.leader()).put('first', 'of two');
      await calls();
    });
  });

  test('a follower that was cut off comes back without disturbing the leader', async (t) => {
    await underLoad(t, async (calls) => {
      const leader = await cluster.leader();
      const before = (await leader.status()).store?.term;
      const [lonely] = othersOf(leader);
      assert.ok(lonely);
      await network.partition([hostOf(lonely)], othersOf(lonely).map(hostOf));
      await waitFor(async () => (await lonely.status()).store?.role === 'candidate', {
        what: 'it to stand for election',
      });
      await calls();
      await network.heal();
      await cluster.whole();
      const { store } = await leader.status();
      assert.deepEqual([store?.role, store?.term], ['leader', before]);
    });
  });

  test('a network that is slow and loses packets loses no write', async (t) => {
    await underLoad(t, async (calls) => {
      await Promise.all(network.hosts.map((host) => host.delay(20, 10, 2)));
      await calls();
      await calls();
      await Promise.all(network.hosts.map((host) => host.delay(0)));
    });
  });
});
