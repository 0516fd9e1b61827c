// SPDX-License-Identifier: Apache-2.0
// The majority is lost for good: one survivor goes on alone, with all that was acknowledged, and grows again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clusterAt, nodesAt, reasonOf } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-for.ts';

const SECRETS = 20;

describe('A22 a cluster of three whose other two managers are gone for good', () => {
  let cluster: ManagerCluster;
  let survivor: ManagerProcess;
  let lost: readonly ManagerProcess[];
  let lastIndex: number;

  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    for (let number = 0; number < SECRETS; number += 1) {
      await cluster.at(number % 3).put(`kept-${number}`, `value ${number}`);
    }
    survivor = await cluster.follower();
    lost = cluster.managers.filter((manager) => manager !== survivor);
    // All that was acknowledged is in a majority's logs; here in all of them.
    const committed = (await (await cluster.leader()).status()).store?.commitIndex ?? 0;
    await waitFor(async () => ((await survivor.status()).store?.appliedIndex ?? 0) >= committed, {
      what: 'the survivor to have what was acknowledged',
    });
    await Promise.all(lost.map((manager) => manager.kill9()));
    lastIndex = (await survivor.status()).store?.lastIndex ?? 0;
  });
  after(async () => cluster?.destroy());

  async function restart(confirmed: number): Promise<void> {
    await survivor.stop();
    await survivor.start({ COFFER_FORCE_NEW_CLUSTER: String(confirmed) });
  }

  test('is not forced by somebody who means another log', async () => {
    await restart(lastIndex - 1);
    const reason = await reasonOf(survivor, 'settings.invalid');
    assert.match(
      reason.message,
      new RegExp(`ends with entry ${lastIndex - 1}, and this one ends with entry ${lastIndex}`),
    );
    assert.match(reason.hint ?? '', /highest last entry/);
  });

  test('goes on as one manager, with all its secrets', async () => {
    await restart(lastIndex);
    await survivor.serving();
    for (let number = 0; number < SECRETS; number += 1) {
      assert.equal((await survivor.deliver(`kept-${number}`)).toString(), `value ${number}`);
    }
    await survivor.put('after', 'the loss');
    await waitFor(async () => (await nodesAt(survivor)).length === 1, { what: 'the others to be removed' });
    const { managers, quorum, voters } = await clusterAt(survivor);
    assert.deepEqual({ managers, quorum, voters }, { managers: 1, quorum: 1, voters: 1 });
  });

  test('does nothing more with the setting once it is alone', async () => {
    await restart(lastIndex);
    await survivor.serving();
    assert.equal((await survivor.deliver('after')).toString(), 'the loss');
  });

  test('refuses those that were lost, when they come back after all', async () => {
    const [back] = lost;
    assert.ok(back !== undefined);
    await back.start();
    const reason = await reasonOf(back, 'cluster.node-removed');
    assert.match(reason.message, /was removed from the cluster/);
    await back.kill9();
  });

  test('grows to three again, and the new ones have everything', async () => {
    await survivor.restart();
    await survivor.serving();
    const grown = [await cluster.add({ through: survivor }), await cluster.add({ through: survivor })];
    await cluster.whole([survivor, ...grown]);
    for (const manager of grown) {
      assert.equal((await manager.deliver('kept-7')).toString(), 'value 7');
      assert.equal((await manager.deliver('after')).toString(), 'the loss');
    }
    await (grown[0] ?? survivor).put('grown', 'again');
    assert.equal((await survivor.deliver('grown')).toString(), 'again');
  });
});
