// SPDX-License-Identifier: Apache-2.0
// Managers that were off for longer than their certificates last. The processes believe that the time has passed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clusterAt, nodeIdOf, nodesAt, removeNode } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { daysLater } from '../support/other-time.ts';
import { waitFor } from '../support/wait-for.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const MEND_MS = 60_000;

describe('three managers whose certificates last 90 days', () => {
  let cluster: ManagerCluster;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).put('kept', 'value');
  });
  after(async () => cluster?.destroy());

  async function restart(managers: readonly ManagerProcess[], days: number): Promise<void> {
    await Promise.all(managers.map((manager) => manager.stop()));
    await Promise.all(managers.map((manager) => manager.start(daysLater(days))));
  }

  /** Each has a certificate that all of them know, and that lasts. */
  async function haveLastingCertificates(days: number): Promise<void> {
    const until_ms = Date.now() + (days + 80) * DAY_MS;
    for (const manager of cluster.running) {
      await waitFor(
        async () => (await nodesAt(manager)).every(({ certificate }) => certificate.notAfter_ms > until_ms),
        { what: `${manager.name} to know of lasting certificates`, timeout_ms: MEND_MS },
      );
    }
  }

  async function writeAndRead(value: string): Promise<void> {
    for (const writer of cluster.running) {
      await writer.put('kept', `${value} of ${writer.name}`);
      for (const reader of cluster.running) {
        assert.equal((await reader.deliver('kept')).toString(), `${value} of ${writer.name}`);
      }
    }
  }

  test('serve again after 100 days without power, with nobody typing anything', async () => {
    await restart(cluster.managers, 100);
    await cluster.whole(cluster.managers, MEND_MS);
    assert.equal((await cluster.at(2).deliver('kept')).toString(), 'value');
    await haveLastingCertificates(100);
    await writeAndRead('100 days later');
  });

  test('have one back that was off for 100 days while the others ran, under its old id', async () => {
    const late = await cluster.follower();
    const id = await nodeIdOf(late);
    const others = cluster.managers.filter((manager) => manager !== late);
    await late.stop();
    await restart(others, 250);
    await others[0]?.put('meanwhile', 'value');
    await late.start(daysLater(250));
    await cluster.whole(cluster.managers, MEND_MS);
    assert.equal(await nodeIdOf(late), id);
    assert.equal((await late.deliver('meanwhile')).toString(), 'value');
    await haveLastingCertificates(250);
    await writeAndRead('250 days later');
  });

  test('are told of a clock that is behind, which changes nothing on the disk', async () => {
    const behind = await cluster.follower();
    await behind.stop();
    const identity = path.join(behind.stateDirectory, 'identity.json');
    const before = readFileSync(identity, 'utf8');
    await behind.start(daysLater(0));
    await waitFor(async () => /clock/.test((await behind.tryCli(['doctor'])).stdout), {
      what: 'doctor to name the clock',
      timeout_ms: MEND_MS,
    });
    await behind.stop();
    assert.equal(readFileSync(identity, 'utf8'), before);
    await behind.start(daysLater(250));
    await cluster.whole(cluster.managers, MEND_MS);
    await writeAndRead('right again');
  });

  test('do not take one back that was removed while it was off, however long ago', async () => {
    const removed = await cluster.follower();
    const id = await nodeIdOf(removed);
    const others = cluster.managers.filter((manager) => manager !== removed);
    await removed.stop();
    const leader = await cluster.leader(others);
    await waitFor(
      async () => (await nodesAt(leader)).some((node) => node.id === id && node.status === 'down'),
      {
        what: 'it to be down',
      },
    );
    await removeNode(leader, id);
    await restart(others, 400);
    await cluster.whole(others, MEND_MS);
    await waitFor(async () => (await clusterAt(leader)).revoked === 0, {
      what: 'the removal to be forgotten',
      timeout_ms: MEND_MS,
    });
    await removed.start(daysLater(400));
    await waitFor(
      async () => /removed long ago|do not know this node/.test((await removed.tryCli(['doctor'])).stdout),
      { what: 'doctor to say that it was removed', timeout_ms: MEND_MS },
    );
    assert.equal((await nodesAt(leader)).length, 2);
    await cluster.discard(removed);
  });
});
