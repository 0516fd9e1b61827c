// SPDX-License-Identifier: Apache-2.0
// The majority is lost for good: one survivor goes on alone, with all that was acknowledged, and grows again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clusterAt, nodeIdOf, nodesAt, reasonOf } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-for.ts';

const SECRETS = 20;
const COMMAND = ['force-new-cluster'] as const;
const DO_IT = [...COMMAND, '--others-are-gone'] as const;

/** Stores secrets through all managers in turn, and waits until the log of each has them. */
async function storeSecrets(cluster: ManagerCluster): Promise<void> {
  for (let number = 0; number < SECRETS; number += 1) {
    await cluster.at(number % cluster.managers.length).put(`kept-${number}`, `value ${number}`);
  }
  await cluster.whole();
}

async function haveSecrets(manager: ManagerProcess): Promise<void> {
  for (let number = 0; number < SECRETS; number += 1) {
    assert.equal((await manager.deliver(`kept-${number}`)).toString(), `value ${number}`);
  }
}

/** How often it was begun there. */
function timesForced(manager: ManagerProcess): number {
  return manager.log().split('a new cluster is forced').length - 1;
}

/** As `docker coffer status` shows it. */
async function lastEntryAt(manager: ManagerProcess): Promise<string> {
  const { store } = await manager.status();
  return `${store?.lastTerm}.${store?.lastIndex}`;
}

describe('A22 a cluster of three whose other two managers are gone for good', () => {
  let cluster: ManagerCluster;
  let survivor: ManagerProcess;
  let lost: readonly ManagerProcess[];

  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await storeSecrets(cluster);
    // The others know it as the last one: each asks the other lost one first what it is.
    survivor = cluster.at(2);
    lost = cluster.managers.filter((manager) => manager !== survivor);
  });
  after(async () => cluster?.destroy());

  test('is not forced while a majority answers, whatever is said of the others', async () => {
    const [first, second] = lost;
    await first?.kill9();
    for (const argv of [COMMAND, DO_IT]) {
      const { code, stderr } = await survivor.tryCli(argv);
      assert.equal(code, 2);
      assert.match(stderr, /^coffer: 2 of 3 managers answer, which is a majority: nothing is lost\n/);
      assert.match(stderr, /Let them elect a leader/);
    }
    await second?.kill9();
  });

  test('shows who answers, and changes nothing as long as nobody says that the others are gone', async () => {
    const entry = await lastEntryAt(survivor);
    const { stdout } = await survivor.cli(COMMAND);
    assert.match(stdout, /^HOSTNAME +ADDRESS +STATUS +LAST ENTRY\n/);
    assert.equal(stdout.match(/no answer/g)?.length, 2, stdout);
    assert.match(stdout, new RegExp(`${survivor.address} +answers +${entry.replace('.', '\\.')}\n`));
    assert.match(stdout, /Nothing was changed\..*\n.*force-new-cluster --others-are-gone\n$/);
    assert.equal((await nodesAt(survivor)).length, 3);
  });

  test('goes on as one manager in the same process, with all its secrets', async () => {
    const { pid } = survivor;
    const entry = await lastEntryAt(survivor);
    const { stdout, stderr } = await survivor.cli(DO_IT, { timeout_ms: 60_000 });
    assert.match(stderr, /opening the store/);
    assert.match(stdout, new RegExp(`only one of the cluster now, with all up to entry ${entry}\\.`));
    for (const { address } of lost) {
      assert.ok(stdout.includes(address), 'it says who was removed');
    }
    assert.match(stdout, /join-token manager/);
    assert.equal(survivor.pid, pid);
    await haveSecrets(survivor);
    await survivor.put('after', 'the loss');
    assert.equal((await nodesAt(survivor)).length, 1);
    const { managers, quorum, voters } = await clusterAt(survivor);
    assert.deepEqual({ managers, quorum, voters }, { managers: 1, quorum: 1, voters: 1 });
  });

  test('does nothing more once it is alone, also after a restart', async () => {
    assert.match((await survivor.cli(DO_IT)).stdout, /only one that votes already/);
    await survivor.restart();
    await survivor.serving();
    assert.match((await survivor.cli(DO_IT)).stdout, /only one that votes already/);
    assert.equal((await survivor.deliver('after')).toString(), 'the loss');
  });

  test('refuses both that were lost when they come back together, and they say what has happened', async () => {
    await Promise.all(lost.map((manager) => manager.start()));
    for (const manager of lost) {
      const reason = await reasonOf(manager, 'cluster.node-removed');
      assert.match(reason.message, /was removed from the cluster/);
      const { code, stdout } = await manager.tryCli(['doctor']);
      assert.equal(code, 2);
      assert.match(
        stdout,
        /removed from the cluster.*a new cluster was forced.*\n?.*let it join under a new id/,
      );
      await assert.rejects(manager.put('elsewhere', 'value'));
      const refused = await manager.tryCli(DO_IT);
      assert.match(refused.stderr, /removed from the cluster/);
    }
    await Promise.all(lost.map((manager) => manager.kill9()));
  });

  test('grows to three again, and the new ones have everything', async () => {
    await survivor.restart();
    await survivor.serving();
    const grown = [await cluster.add({ through: survivor }), await cluster.add({ through: survivor })];
    await cluster.whole([survivor, ...grown]);
    for (const manager of grown) {
      await haveSecrets(manager);
      assert.equal((await manager.deliver('after')).toString(), 'the loss');
    }
    await (grown[0] ?? survivor).put('grown', 'again');
    assert.equal((await survivor.deliver('grown')).toString(), 'again');
  });
});

describe('A22 a cluster of five of which two managers survive, one of them ahead', () => {
  let cluster: ManagerCluster;
  let ahead: ManagerProcess;
  let behind: ManagerProcess;

  before(async () => {
    cluster = await ManagerCluster.start({ size: 5 });
    await storeSecrets(cluster);
    const leader = await cluster.leader();
    const [one, two, ...others] = cluster.managers.filter((manager) => manager !== leader);
    assert.ok(one !== undefined && two !== undefined);
    [ahead, behind] = [one, two];
    // What is acknowledged now, one of the survivors does not have.
    await behind.kill9();
    await ahead.put('last', 'acknowledged by a majority');
    await Promise.all([leader, ...others].map((manager) => manager.kill9()));
    await behind.start();
    await behind.serving();
  });
  after(async () => cluster?.destroy());

  test('is not forced on the one that is behind, which names the other', async () => {
    const entry = await lastEntryAt(ahead);
    const { code, stderr } = await waitFor(
      async () => {
        const result = await behind.tryCli(DO_IT);
        assert.match(result.stderr, /is ahead of this one/);
        return result;
      },
      { what: 'the one that was paused to hear the other' },
    );
    assert.equal(code, 2);
    assert.ok(stderr.includes(`(${entry}, and here `), stderr);
    assert.ok(stderr.includes(`(${ahead.address}): docker coffer force-new-cluster`), stderr);
  });

  test('is not forced on the one that is behind though it cannot ask the other, once it is told', async () => {
    const entry = await lastEntryAt(ahead);
    const id = await nodeIdOf(ahead);
    await ahead.kill9();
    const { code, stderr } = await behind.tryCli([...DO_IT, '--survivor', `${id}=${entry}`]);
    assert.equal(code, 2);
    assert.match(stderr, /is ahead of this one/);
    await ahead.start();
    await ahead.serving();
  });

  test('is forced on the one that is ahead, and nothing that was acknowledged is lost', async () => {
    await ahead.cli(DO_IT, { timeout_ms: 60_000 });
    await haveSecrets(ahead);
    assert.equal((await ahead.deliver('last')).toString(), 'acknowledged by a majority');
    await reasonOf(behind, 'cluster.node-removed');
    const grown = [await cluster.add({ through: ahead }), await cluster.add({ through: ahead })];
    await cluster.whole([ahead, ...grown]);
  });
});

describe('A22 a survivor that is killed while it becomes the only manager', () => {
  let cluster: ManagerCluster;

  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await storeSecrets(cluster);
  });
  after(async () => cluster?.destroy());

  test('is the old member or the new cluster at its next start, and the command can be typed again', async (t) => {
    const [survivor, ...lost] = cluster.managers;
    assert.ok(survivor !== undefined);
    await Promise.all(lost.map((manager) => manager.kill9()));
    for (const delay_ms of [0, 20, 60, 150, 400, 1_000, 2_500]) {
      const begun = timesForced(survivor);
      const command = survivor.tryCli(DO_IT, { timeout_ms: 60_000 });
      await waitFor(() => timesForced(survivor) > begun, { what: 'it to begin' });
      await new Promise((resolve) => setTimeout(resolve, delay_ms));
      await survivor.kill9();
      await survivor.start();
      await survivor.serving();
      await command;
      const { voters } = await clusterAt(survivor);
      t.diagnostic(`killed after ${delay_ms} ms: ${voters} of the managers vote`);
      assert.ok(voters === 3 || voters === 1, `${voters} voters`);
      assert.equal((await survivor.inspect('kept-7')).secret.version, 1);
      if (voters === 1) {
        break;
      }
    }
    await survivor.cli(DO_IT, { timeout_ms: 60_000 });
    await waitFor(async () => (await nodesAt(survivor)).length === 1, { what: 'the others to be removed' });
    await survivor.put('after', 'the loss');
    await haveSecrets(survivor);
  });
});
