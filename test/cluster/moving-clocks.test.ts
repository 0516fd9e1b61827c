// SPDX-License-Identifier: Apache-2.0
// Managers whose clocks move while they run: their certificates expire, or seem to.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodesAt } from '../support/cluster-calls.ts';
import { temporaryDirectory } from '../support/cleanup.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { MovingTime } from '../support/other-time.ts';
import { waitFor } from '../support/wait-for.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const MEND_MS = 90_000;

describe('three managers whose clocks can be moved', () => {
  const directory = temporaryDirectory();
  const times = new Map<ManagerProcess, MovingTime>();
  let cluster: ManagerCluster;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    for (const manager of cluster.managers) {
      const time = new MovingTime(path.join(directory.path, manager.name));
      times.set(manager, time);
      await manager.stop();
      await manager.start(time.settings);
    }
    await cluster.whole();
    await cluster.at(0).put('kept', 'value');
  });
  after(async () => {
    await cluster?.destroy();
    directory.remove();
  });

  function timeOf(manager: ManagerProcess): MovingTime {
    return times.get(manager) ?? assert.fail('it has a time');
  }

  /** From when on the others know its certificate to be valid. */
  async function beginsAt(manager: ManagerProcess, at: ManagerProcess): Promise<number> {
    const own = (await nodesAt(at)).find(({ address }) => address === manager.address);
    return (own?.certificate.notAfter_ms ?? 0) - 90 * DAY_MS;
  }

  test('have one back whose clock was a year ahead for a while, whatever it made of that', async (t) => {
    const ahead = await cluster.follower();
    const others = cluster.managers.filter((manager) => manager !== ahead);
    const observer = others[0] ?? assert.fail();
    const written = ahead.log().length;
    timeOf(ahead).moveTo(365);
    await waitFor(
      () => /certificate was (not )?renewed|a short one stands in/.test(ahead.log().slice(written)),
      {
        what: 'it to notice',
        timeout_ms: MEND_MS,
      },
    );
    t.diagnostic(
      ahead
        .log()
        .slice(written)
        .match(/certificate was (not )?renewed|a short one stands in/g)
        ?.join(', ') ?? '',
    );
    timeOf(ahead).moveTo(0);
    await cluster.whole(cluster.managers, MEND_MS);
    await waitFor(async () => (await beginsAt(ahead, observer)) < Date.now() + DAY_MS, {
      what: 'a certificate of the present to be known',
      timeout_ms: MEND_MS,
    });
    await ahead.put('after', 'the clock was right again');
    await ahead.stop();
    await ahead.start(timeOf(ahead).settings);
    await cluster.whole(cluster.managers, MEND_MS);
  });

  test('meet again after the certificate of the one that ran all the time has expired without a majority', async () => {
    const [alone, ...others] = cluster.managers;
    assert.ok(alone !== undefined);
    await Promise.all(others.map((manager) => manager.stop()));
    const written = alone.log().length;
    timeOf(alone).moveTo(100);
    await waitFor(() => /a short one stands in/.test(alone.log().slice(written)), {
      what: 'it to make itself a certificate',
      timeout_ms: MEND_MS,
    });
    for (const manager of others) {
      timeOf(manager).moveTo(100);
      await manager.start(timeOf(manager).settings);
    }
    await cluster.whole(cluster.managers, MEND_MS);
    for (const manager of cluster.managers) {
      assert.equal((await manager.deliver('kept')).toString(), 'value');
    }
  });
});
