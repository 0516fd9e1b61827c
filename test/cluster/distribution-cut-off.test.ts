// SPDX-License-Identifier: Apache-2.0
// What a node keeps that reaches no manager any more, and for how long.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DistributionCluster } from '../support/distribution-cluster.ts';

const ARRIVES_MS = 20_000;
const CUT_OFF_S = 5;

describe('a node that is cut off from every manager', () => {
  let all: DistributionCluster;
  before(async () => {
    all = await DistributionCluster.start({
      managers: 1,
      workers: 1,
      env: { COFFER_CUT_OFF_AFTER: `${CUT_OFF_S}s` },
    });
  });
  after(async () => all?.destroy());

  test('for longer than is set wipes all that it has, and gets it again when it is back', async () => {
    const [manager] = all.managers;
    const [worker] = all.workers;
    assert.ok(manager !== undefined && worker !== undefined);
    await all.put('db', 'value');
    const container = await all.startTask(all.swarm.service('web', { source: 'db' }), worker);
    assert.equal(container.read('db'), 'value');
    await all.network.partition([worker.host], [manager.host]);
    const since_ms = performance.now();
    await container.reads(undefined, CUT_OFF_S * 1_000 + ARRIVES_MS);
    assert.ok(performance.now() - since_ms > CUT_OFF_S * 1_000 - 500, 'and not before its time');
    await assert.rejects(all.start(worker, 'db', container.task), /volume\.(timeout|refused)/);
    await all.network.heal();
    await container.reads('value', ARRIVES_MS);
    await container.stop();
  });
});
