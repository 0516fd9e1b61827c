// SPDX-License-Identifier: Apache-2.0
// A leader whose own engine tells nothing of the swarm, for as long as it leads: grants need no engine, and tasks keep what they have.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { grantTo, nodeIdOf, revokeGrant } from '../support/cluster-calls.ts';
import {
  DistributionCluster,
  type StartedContainer,
  type TestNode,
} from '../support/distribution-cluster.ts';
import { waitFor } from '../support/wait-for.ts';

const ARRIVES_MS = 20_000;

describe('a leader whose engine does not answer', () => {
  let all: DistributionCluster;
  let manager: TestNode;
  let worker: TestNode;
  let ofTask: StartedContainer;
  before(async () => {
    all = await DistributionCluster.start({ managers: 1, workers: 1 });
    [manager, worker] = [all.managers[0] ?? assert.fail(), all.workers[0] ?? assert.fail()];
    await all.put('of-task', 'first');
    await all.put('granted', 'first');
    ofTask = await all.startTask(all.swarm.service('web', { source: 'of-task' }), worker);
    manager.played.hangs = true;
    await manager.daemon.kill9();
    await all.restart(manager);
    await manager.daemon.serving();
    await waitFor(() => manager.played.unanswered > 0, { what: 'the leader to ask its engine' });
  });
  after(async () => all?.destroy());

  const grant = async (): Promise<string> =>
    grantTo(manager.daemon, { secret: 'granted', node: await nodeIdOf(worker.daemon) });

  test('starts, rotates and takes away what is granted, while the files of tasks stay', async () => {
    const id = await grant();
    const container = await all.start(worker, 'granted');
    assert.equal(container.read(), 'first');
    await all.put('granted', 'second');
    await container.reads('second', ARRIVES_MS);
    await revokeGrant(manager.daemon, id);
    await container.reads(undefined, ARRIVES_MS);
    assert.equal(ofTask.read(), 'first');
    await grant();
    await container.reads('second', ARRIVES_MS);
    await container.stop();
    assert.equal(ofTask.read(), 'first');
  });

  test('tells tasks what has changed as soon as it answers again', async () => {
    await all.put('of-task', 'second');
    assert.equal(ofTask.read(), 'first');
    manager.played.goOn();
    await ofTask.reads('second', ARRIVES_MS);
    all.swarm.end(ofTask.task ?? assert.fail());
    await ofTask.reads(undefined, ARRIVES_MS);
    await ofTask.stop();
  });
});
