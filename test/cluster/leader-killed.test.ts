// SPDX-License-Identifier: Apache-2.0
// The leader is killed again and again while clients write and read: nothing that was acknowledged is lost, others take over,
// and whoever asks for a secret gets it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';
import { Clients } from './clients.ts';
import { describeTimes } from './times.ts';
import { Deliveries } from './deliveries.ts';
import { History, withFreshness } from './history.ts';
import { problemsOf } from './judge.ts';

/** Side by side, since most of a failover is waiting. */
const CLUSTERS = 2;
const KILLS = 25;

describe('A17 a leader that is killed under load', () => {
  let clusters: readonly ManagerCluster[] = [];
  before(async () => {
    clusters = await Promise.all(Array.from({ length: CLUSTERS }, () => ManagerCluster.start({ size: 3 })));
  });
  after(() => Promise.all(clusters.map((cluster) => cluster.destroy())));

  test(`has a successor, ${CLUSTERS * KILLS} times, and no acknowledged write is lost`, async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const reports = await Promise.all(
      clusters.map((cluster, index) => killAgainAndAgain(cluster, `cluster ${index}`, random)),
    );
    const times_ms = reports.flatMap((report) => report.times_ms);
    t.diagnostic(`time to the first write that is accepted: ${describeTimes(times_ms)}`);
    for (const { calls, deliveries } of reports) {
      t.diagnostic(`${calls} calls, and ${deliveries} deliveries beside them`);
    }
    assert.deepEqual(
      reports.flatMap((report) => report.failures),
      [],
    );
  });
});

interface Report {
  readonly times_ms: readonly number[];
  readonly calls: number;
  readonly deliveries: number;
  readonly failures: readonly string[];
}

async function killAgainAndAgain(
  cluster: ManagerCluster,
  run: string,
  random: SeededRandom,
): Promise<Report> {
  const { managers } = cluster;
  await cluster.at(0).put('always', 'there');
  const history = new History(run);
  const clients = Clients.start({ managers, history, random, clients: 3 });
  const deliveries = Deliveries.start({ managers, name: 'always', value: 'there' });
  const times_ms: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const victim = await cluster.leader();
    deliveries.leaveOut(victim);
    const killed_ms = performance.now();
    await victim.kill9();
    await firstWrite(cluster.running, `kill ${kill}`);
    times_ms.push(performance.now() - killed_ms);
    await victim.start();
    await victim.serving();
    deliveries.takeIn(victim);
    const made = clients.calls;
    await waitFor(() => clients.calls > made + 5, { what: 'some calls between two kills' });
  }
  await cluster.whole();
  await clients.stop();
  const { failures, count } = await deliveries.stop();
  const problems = problemsOf(
    withFreshness(
      history.entries,
      managers.map((manager) => manager.log()),
    ),
  );
  assert.ok(history.entries.filter(({ result }) => result.kind === 'done').length > KILLS);
  return { times_ms, calls: clients.calls, deliveries: count, failures: [...problems, ...failures] };
}

/** Tries at each manager at once, again and again, until one of them accepts a write. */
async function firstWrite(managers: readonly ManagerProcess[], value: string): Promise<void> {
  await Promise.any(
    managers.map((manager) =>
      waitFor(
        async () => {
          await manager.put('first', value);
          return true;
        },
        { what: `${manager.name} to accept a write`, timeout_ms: 20_000, interval_ms: 5 },
      ),
    ),
  );
}
