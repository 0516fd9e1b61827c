// SPDX-License-Identifier: Apache-2.0
// Managers that cannot simply be rebuilt: something else comes first.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { nodeIdOf, nodesAt, reasonOf } from '../support/cluster-calls.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { waitFor } from '../support/wait-for.ts';

const MEND_MS = 60_000;

describe('three managers', () => {
  let cluster: ManagerCluster;
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
    await cluster.at(0).put('kept', 'value');
  });
  after(async () => cluster?.destroy());

  async function isWholeAgain(manager: ManagerProcess, oldId: string): Promise<void> {
    await cluster.whole(cluster.managers, MEND_MS);
    assert.notEqual(await nodeIdOf(manager), oldId);
    assert.ok((await nodesAt(manager)).every(({ id }) => id !== oldId));
    assert.equal((await manager.deliver('kept')).toString(), 'value');
    await manager.put('written-by-it', 'value');
  }

  /** From standard input, as it is typed. */
  async function rebuildWithToken(manager: ManagerProcess): Promise<void> {
    const { addresses, token } =
      (await cluster.joining({ through: await cluster.leader() })) ?? assert.fail();
    const join = addresses.flatMap((address) => ['--join', address]);
    await manager.cli(['rebuild', ...join, '--token', '-'], { input: token, timeout_ms: MEND_MS });
  }

  for (const [what, files] of [
    ['its database', ['database']],
    ['its keys with it', ['database', 'checkpoint', 'keys.json']],
  ] as const) {
    test(`a locked one that has lost ${what} is unlocked first, and is sealed again after its rebuild`, async () => {
      const leader = await cluster.leader();
      await leader.cli(['autolock', 'on']);
      const key = (await leader.cli(['unlock-key', '-q'])).stdout;
      const victim = await cluster.follower();
      await waitFor(async () => (await victim.status()).store?.dataKeySealed === true, {
        what: 'it to be sealed',
      });
      const oldId = await nodeIdOf(victim);
      await victim.stop();
      for (const file of files) {
        rmSync(path.join(victim.stateDirectory, file), { recursive: true });
      }
      await victim.start();
      await reasonOf(victim, 'store.locked');
      const locked = await victim.tryCli(['rebuild', '--yes']);
      assert.equal(locked.code, 2);
      assert.match(locked.stderr, /locked[^]*docker coffer unlock/);
      const unlocked = await victim.tryCli(['unlock'], { input: key });
      assert.equal(unlocked.code, 2, 'it is unlocked, and what it finds then is damage');
      assert.match(unlocked.stderr, /docker coffer rebuild/);
      await victim.cli(['rebuild', '--yes'], { timeout_ms: MEND_MS });
      await isWholeAgain(victim, oldId);
      await waitFor(async () => (await victim.status()).store?.dataKeySealed === true, {
        what: 'its new keys to be sealed',
      });
      await leader.cli(['autolock', 'off']);
      await waitFor(async () => (await victim.status()).store?.dataKeySealed === false, {
        what: 'it to be in the clear',
      });
    });
  }

  test('one that was removed while it was damaged comes back with a token', async () => {
    const victim = await cluster.follower();
    const oldId = await nodeIdOf(victim);
    await victim.stop();
    const others = cluster.managers.filter((manager) => manager !== victim);
    await (await cluster.leader(others)).cli(['node', 'rm', '--force', '--yes', oldId]);
    await victim.start();
    await reasonOf(victim, 'cluster.node-removed');
    const without = await victim.tryCli(['rebuild', '--yes']);
    assert.match(without.stderr, /was removed from the cluster[^]*--token -/);
    await rebuildWithToken(victim);
    await isWholeAgain(victim, oldId);
  });

  test('one that was off while the CA was rotated says so, and comes back with a token', async () => {
    const victim = await cluster.follower();
    const oldId = await nodeIdOf(victim);
    await victim.stop();
    const others = cluster.managers.filter((manager) => manager !== victim);
    await (await cluster.leader(others)).cli(['ca', '--rotate', '-y'], { timeout_ms: 90_000 });
    await victim.start();
    await waitFor(async () => /it was rotated meanwhile/.test((await victim.tryCli(['doctor'])).stdout), {
      what: 'doctor to say why it is alone',
      timeout_ms: MEND_MS,
    });
    const without = await victim.tryCli(['rebuild', '--yes']);
    assert.match(without.stderr, /rotated meanwhile[^]*--token -/);
    await rebuildWithToken(victim);
    await isWholeAgain(victim, oldId);
  });
});
