// SPDX-License-Identifier: Apache-2.0
// Managers that come, or come back, when the log no longer reaches back to what they have: they are sent the state instead.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { nodesAt } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { callControl, inParallel } from '../support/secret-calls.ts';
import { waitFor } from '../support/wait-for.ts';

const NAMES = 30;
/** Of those so many are kept: the state is smaller than what the log went through. */
const KEPT = 4;
const VALUE_BYTES = 500_000;
/** More bytes than the log retains. */
const WRITES = 150;

/** A value of full size that tells which write it is from. */
function valueOf(write: number): Buffer {
  return Buffer.alloc(VALUE_BYTES, createHash('sha256').update(String(write)).digest());
}

describe('A21 in a cluster of three managers whose log was compacted', () => {
  let cluster: ManagerCluster;
  let away: ManagerProcess;
  /** The last entry that it had. */
  let had = Infinity;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).put('old', 'value');
    await cluster.whole();
    away = await cluster.follower();
    had = (await away.status()).store?.lastIndex ?? Infinity;
    await away.kill9();
    await callControl(await cluster.leader(), 'DELETE', '/v1/secrets/old?force=1');
    await fillLog();
  });
  after(async () => cluster?.destroy());

  /** Writes until the leader's log begins later than it ended before. */
  async function fillLog(): Promise<void> {
    const leader = await cluster.leader();
    const { lastIndex = 0 } = (await leader.status()).store ?? {};
    const round = Array.from({ length: WRITES }, (_, write) => write);
    // One after another for each name, so that the last one stands.
    const names = Array.from({ length: NAMES }, (_, name) => name);
    await inParallel(names, 6, async (name) => {
      for (const write of round.filter((number) => number % NAMES === name)) {
        await leader.put(`large-${name}`, valueOf(write));
      }
      if (name >= KEPT) {
        await callControl(leader, 'DELETE', `/v1/secrets/large-${name}?force=1`);
      }
    });
    await waitFor(async () => ((await leader.status()).store?.firstIndex ?? 0) > lastIndex, {
      what: 'the log to be compacted',
    });
  }

  async function assertHasAll(manager: ManagerProcess): Promise<void> {
    for (let name = 0; name < KEPT; name += 1) {
      const value = await manager.deliver(`large-${name}`);
      assert.ok(value.equals(valueOf(WRITES - NAMES + name)), `large-${name} at ${manager.name}`);
    }
    await assert.rejects(manager.deliver(`large-${KEPT}`), /coffer holds no secret/);
  }

  async function assertSentState(manager: ManagerProcess): Promise<void> {
    const { firstIndex = 0 } = (await manager.status()).store ?? {};
    assert.ok(firstIndex > 1, 'its log begins after a snapshot');
  }

  test('one that was away meanwhile is sent the state, which replaces what it has', async () => {
    await away.start();
    await cluster.whole();
    const { firstIndex = 0 } = (await away.status()).store ?? {};
    assert.ok(firstIndex > had, `${firstIndex} is after ${had}`);
    await assertHasAll(away);
    await assert.rejects(away.deliver('old'), /coffer holds no secret/);
  });

  test('a newcomer is sent the state, and votes', async () => {
    const newcomer = await cluster.add();
    await cluster.whole();
    await assertSentState(newcomer);
    await assertHasAll(newcomer);
  });

  test('a newcomer that is killed while it is sent the state begins again', async () => {
    const newcomer = await cluster.begin();
    await waitFor(() => newcomer.log().includes('joined a cluster'), {
      what: 'the newcomer to join',
      interval_ms: 5,
    });
    await newcomer.kill9();
    await newcomer.start();
    await cluster.whole();
    await assertSentState(newcomer);
    await assertHasAll(newcomer);
  });

  test('the members are known after all were started again', async () => {
    const ids = (await nodesAt(await cluster.leader())).map(({ id }) => id).sort();
    await Promise.all(cluster.managers.map((manager) => manager.kill9()));
    await Promise.all(cluster.managers.map((manager) => manager.start()));
    await cluster.whole();
    for (const manager of cluster.managers) {
      assert.deepEqual((await nodesAt(manager)).map(({ id }) => id).sort(), ids);
      await assertHasAll(manager);
    }
  });
});
