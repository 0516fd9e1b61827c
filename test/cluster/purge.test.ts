// SPDX-License-Identifier: Apache-2.0
// A secret is removed for good from three managers, of which one is down: no disk holds it afterwards, under any key.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PurgeDescription } from '../../src/control/index.ts';
import { filesWith } from '../support/files-with.ts';
import { ManagerCluster } from '../support/manager-cluster.ts';
import type { ManagerProcess } from '../support/manager-process.ts';
import { acceptedBody } from '../support/manager-refusal.ts';
import { callControl } from '../support/secret-calls.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';

/** So large that no file that holds it, sealed under whatever key, is small: what is sealed cannot be compressed. */
const LEAKED_BYTES = 400_000;

function onDisk(manager: ManagerProcess): number {
  return readdirSync(manager.stateDirectory, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(manager.stateDirectory, name), { throwIfNoEntry: false }))
    .reduce((sum, file) => sum + (file?.isFile() === true ? file.size : 0), 0);
}

async function keyIdOf(manager: ManagerProcess): Promise<string> {
  return (await manager.status()).store?.dataKeyId ?? assert.fail('its store serves');
}

async function progressAt(manager: ManagerProcess): Promise<PurgeDescription> {
  return acceptedBody(await callControl(manager, 'GET', '/v1/purge')) as PurgeDescription;
}

describe('a secret that is removed with --purge', () => {
  let cluster: ManagerCluster;
  const keyIds = new Map<ManagerProcess, string>();
  before(async () => {
    cluster = await ManagerCluster.start({ size: 3 });
  });
  after(async () => cluster?.destroy());

  function assertGone(manager: ManagerProcess): void {
    const keyId = keyIds.get(manager) ?? assert.fail('its key was noted');
    assert.deepEqual(filesWith(manager.stateDirectory, keyId), [], `${manager.name} names no old key`);
    assert.ok(onDisk(manager) < LEAKED_BYTES, `${manager.name} has ${onDisk(manager)} bytes`);
  }

  test('is on no disk of those that are up; the one that is down is named', async (t) => {
    const random = new SeededRandom();
    t.diagnostic(random.description);
    const [up, other, down] = [cluster.at(0), cluster.at(1), cluster.at(2)];
    await up.put('kept', 'value');
    await up.put('leaked', random.bytes(LEAKED_BYTES));
    for (const manager of cluster.managers) {
      await waitFor(() => onDisk(manager) > LEAKED_BYTES, { what: `${manager.name} to have it` });
      keyIds.set(manager, await keyIdOf(manager));
      assert.ok(filesWith(manager.stateDirectory, keyIds.get(manager) ?? '').length > 2);
    }
    await down.stop();
    const removed = await up.tryCli(['rm', '--force', '--purge', 'leaked'], { timeout_ms: 60_000 });
    assert.equal(removed.code, 2, removed.stderr);
    assert.match(removed.stderr, /WARNING: .* is down; it purges its disk at its next start\n/);
    assert.match(removed.stderr, /2 of 3 managers have purged their disks/);
    assertGone(up);
    assertGone(other);
    assert.ok(onDisk(down) > LEAKED_BYTES);
  });

  test('goes from the disk of the one that was down when it comes back', async () => {
    const down = cluster.at(2);
    await down.start();
    await down.serving();
    await waitFor(async () => (await progressAt(down)).managers.every(({ done }) => done), {
      what: 'the last manager to purge its disk',
      timeout_ms: 60_000,
    });
    assertGone(down);
    const { stdout } = await cluster.at(0).cli(['data-key', '--all']);
    assert.equal([...stdout.matchAll(/ yes$/gm)].length, 3, stdout);
    for (const manager of cluster.managers) {
      assert.equal((await manager.deliver('kept')).toString(), 'value');
    }
  });

  test('costs nothing of what is written afterwards, also after a crash of all', async () => {
    await cluster.at(1).put('later', 'value');
    await Promise.all(cluster.managers.map((manager) => manager.kill9()));
    await Promise.all(cluster.managers.map((manager) => manager.start()));
    await cluster.whole();
    for (const manager of cluster.managers) {
      assert.equal((await manager.deliver('later')).toString(), 'value');
      assert.equal((await manager.deliver('kept')).toString(), 'value');
    }
  });

  test('or by a schedule, each manager rotates its key by itself before it is too old, and not all at once', async (t) => {
    const before = await Promise.all(cluster.managers.map(keyIdOf));
    const { stdout } = await cluster.at(1).cli(['data-key', '--schedule', '1m']);
    assert.match(stdout, /\nMade: .* ago\nNext: +it is rotated /);
    assert.match((await cluster.at(0).cli(['cluster'])).stdout, /\nData keys: +rotated every 1m; the oldest/);
    const moments: number[] = [];
    for (const [place, manager] of cluster.managers.entries()) {
      await waitFor(async () => (await keyIdOf(manager)) !== before[place], {
        what: `${manager.name} to rotate its key`,
        timeout_ms: 90_000,
      });
      await waitFor(async () => (await manager.status()).upkeep?.dataKeyNextAt_ms !== undefined, {
        what: `${manager.name} to say when it does so next`,
      });
      moments.push((await manager.status()).upkeep?.dataKeyNextAt_ms ?? 0);
    }
    t.diagnostic(
      `the next ones are ${moments.map((at_ms) => at_ms - Math.min(...moments)).join(', ')} ms apart`,
    );
    assert.equal(new Set(moments).size, moments.length);
    await cluster.at(1).cli(['data-key', '--schedule', 'off']);
    assert.equal((await cluster.at(2).deliver('kept')).toString(), 'value');
  });

  test('can be purged after it was removed, with data-key --rotate --all', async () => {
    const before = await Promise.all(cluster.managers.map(keyIdOf));
    const { stdout } = await cluster.at(2).cli(['data-key', '--rotate', '--all'], { timeout_ms: 60_000 });
    assert.match(stdout, /^No file of coffer on any manager opens what was removed\.\nNot purged: /);
    for (const [place, manager] of cluster.managers.entries()) {
      assert.notEqual(await keyIdOf(manager), before[place]);
    }
  });
});
