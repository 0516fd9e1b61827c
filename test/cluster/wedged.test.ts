// SPDX-License-Identifier: Apache-2.0
// A leader that stands still without dying, and a manager that cannot start.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { PutReply } from '../../src/control/index.ts';
import { nodesAt, reasonOf } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import { callControl } from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';
import { Clients } from './clients.ts';
import { History, withFreshness } from './history.ts';
import { problemsOf } from './judge.ts';

const PAUSES = 3;
const REPETITIONS = 4;
/** About as long as a write takes. */
const MOMENT_MS = 40;
const START_MS_MAX = 5_000;

describe('three managers', () => {
  let cluster: ManagerCluster;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).put('kept', 'value');
  });
  after(async () => cluster?.destroy());

  test('A26 another leads when the leader stands still; when it goes on, it follows and says nothing old', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const history = new History('the leader stands still');
    const clients = Clients.start({ managers: cluster.managers, history, random });
    for (let pause = 0; pause < PAUSES; pause += 1) {
      const wedged = await cluster.leader();
      const others = cluster.managers.filter((manager) => manager !== wedged);
      wedged.pause();
      const next = await cluster.leader(others);
      await next.put('kept', `without ${wedged.name}`);
      wedged.resume();
      // At once: it may believe still that it leads.
      const { freshness } = await wedged.inspect('kept');
      const value = (await wedged.deliver('kept')).toString();
      assert.ok(freshness === 'local' || value === `without ${wedged.name}`, `${freshness}: ${value}`);
      await cluster.whole();
      assert.equal((await wedged.status()).store?.role, 'follower');
      assert.equal((await wedged.deliver('kept')).toString(), `without ${wedged.name}`);
    }
    await clients.stop();
    t.diagnostic(`${clients.calls} calls`);
    const logs = cluster.managers.map((manager) => manager.log());
    assert.deepEqual(problemsOf(withFreshness(history.entries, logs)), []);
  });

  test('A59 a change that is asked for again under its id, after its leader was killed, is made once', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    let [answered, lost] = [0, 0];
    for (let round = 0; round < REPETITIONS; round += 1) {
      const leader = await cluster.leader();
      const others = cluster.managers.filter((manager) => manager !== leader);
      const name = `once-${round}`;
      const path = `/v1/secrets/${name}?request=${randomUUID().replaceAll('-', '')}`;
      const first = callControl(leader, 'PUT', path, Buffer.from(name)).then(
        ({ status }) => status < 300,
        () => false,
      );
      await delay(random.below(MOMENT_MS));
      await leader.kill9();
      if (await first) {
        answered += 1;
      } else {
        lost += 1;
      }
      const again = await waitFor(
        async () => {
          const reply = await callControl(random.pick(others), 'PUT', path, Buffer.from(name));
          return reply.status < 300 ? reply : undefined;
        },
        { what: 'the change to be made' },
      );
      assert.equal((again.json() as PutReply).secret.version, 1);
      await leader.start();
      await cluster.whole();
      for (const manager of cluster.managers) {
        assert.equal((await manager.inspect(name)).secret.version, 1, manager.name);
        assert.equal((await manager.deliver(name)).toString(), name);
      }
    }
    t.diagnostic(`of the first calls ${answered} were answered, and ${lost} were not`);
  });

  test('A58 one whose store is damaged says so, with what to do, and the others go on', async (t) => {
    const broken = await cluster.follower();
    await broken.stop();
    const database = path.join(broken.stateDirectory, 'database');
    const manifest = readdirSync(database).find((file) => file.startsWith('MANIFEST'));
    truncateSync(path.join(database, manifest ?? ''), 10);
    const begun_ms = performance.now();
    await broken.start();
    const { hint } = await reasonOf(broken, 'store.damaged', START_MS_MAX);
    t.diagnostic(`it says so after ${Math.round(performance.now() - begun_ms)} ms`);
    assert.match(hint ?? '', /copy of/);
    await assert.rejects(broken.deliver('kept'), /refused: /);
    const leader = await cluster.leader();
    await leader.put('kept', 'of two');
    const id = (await nodesAt(leader)).find(({ address }) => address === broken.address)?.id;
    await waitFor(
      async () => (await nodesAt(leader)).some((node) => node.id === id && node.status === 'down'),
      {
        what: 'the others to see that it is down',
      },
    );
  });
});
