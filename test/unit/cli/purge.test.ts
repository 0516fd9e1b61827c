// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { nodeOf } from '../../support/fake-cluster.ts';
import { putValue } from '../../support/test-store.ts';
import { NOW_MS, withClusterCli } from './cli-harness.ts';

const LIMITS =
  /\nNot purged: blocks that a disk .*, backups that hold the value, and what containers were given\.\n$/;
const UP = [nodeOf('id1', 'one', { leader: true, self: true }), nodeOf('id2', 'two')];
const HOUR_MS = 3_600_000;

async function leaked(store: MemoryStore): Promise<void> {
  await putValue(store, 'leaked', Buffer.from('value'));
}

test('rm --purge removes, then waits for all managers, and says what it has not done', async () => {
  await withClusterCli(async ({ cli, cluster, store }) => {
    await leaked(store);
    cluster.members = UP;
    cluster.purgesDone = [0, 0, 1, 2];
    const { code, stderr, stdout } = await cli(['rm', '--purge', 'leaked']);
    assert.equal(code, 0);
    assert.deepEqual(
      stderr.trim().split('\n'),
      [0, 1, 2].map((done) => `${done} of 2 managers have purged their disks`),
    );
    assert.match(stdout, /^leaked\nNo file of coffer on any manager opens what was removed\.\n/);
    assert.match(stdout, LIMITS);
    assert.equal(store.byName('leaked'), undefined);
    assert.deepEqual(cluster.calls, ['purge']);
  });
});

test('rm --purge names a manager that is down, which is still to do it, and ends with 2', async () => {
  await withClusterCli(async ({ cli, cluster, store }) => {
    await leaked(store);
    cluster.members = [...UP, nodeOf('id3', 'three', { status: 'down' })];
    cluster.purgesDone = [0, 1, 2];
    const { code, stderr, stdout } = await cli(['rm', '--purge', 'leaked']);
    assert.equal(code, 2);
    assert.match(stderr, /\nWARNING: three is down; it purges its disk at its next start\n$/);
    assert.doesNotMatch(stdout, /No file of coffer/);
    assert.match(stdout, LIMITS);
    const json = await cli(['data-key', '--rotate', '--all', '--format', 'json']);
    assert.equal(json.code, 2, 'the form makes no difference');
    await leaked(store);
    assert.equal((await cli(['rm', '--purge', '--detach', 'leaked', '--format', 'json'])).code, 0);
  });
});

test('a purge is not asked for when nothing was removed, and not waited for with --detach', async () => {
  await withClusterCli(async ({ cli, cluster, store }) => {
    const missing = await cli(['rm', '--purge', 'missing']);
    assert.equal(missing.code, 2);
    assert.deepEqual(cluster.calls, []);
    await leaked(store);
    const detached = await cli(['rm', '--purge', '--detach', 'leaked']);
    assert.deepEqual([detached.code, detached.stderr], [0, '']);
    assert.match(detached.stdout, /how far they are: coffer data-key --all\n$/);
  });
});

test('a purge of one manager is told of as one', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    cluster.members = UP.slice(0, 1);
    cluster.purgesDone = [1];
    const { stderr } = await cli(['data-key', '--rotate', '--all']);
    assert.equal(stderr, '1 of 1 manager has purged its disk\n');
  });
});

test('what was removed before is purged by data-key --rotate --all, and data-key --all tells how far that is', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    assert.equal((await cli(['data-key', '--all'])).stdout, 'No purge was asked for yet.\n');
    cluster.members = UP;
    cluster.purgesDone = [2];
    assert.equal((await cli(['data-key', '--rotate', '--all'])).code, 0);
    cluster.purgesDone = [1];
    const { stdout } = await cli(['data-key', '--all']);
    assert.match(stdout, /^The last purge was asked for about a minute ago\.\nHOSTNAME +STATUS +PURGED\n/);
    assert.match(stdout, /\none +ready +yes\ntwo +ready +not yet\n$/);
    const json = JSON.parse((await cli(['data-key', '--all', '--format', 'json'])).stdout) as {
      readonly Managers: readonly unknown[];
    };
    assert.deepEqual(json.Managers[0], { ID: 'id1', Hostname: 'one', Status: 'ready', Done: true });
  });
});

test('data-key --schedule is set and taken back, and shows the age of the key and its next rotation', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    cluster.dataKeyTimes = { madeAt_ms: NOW_MS - 48 * HOUR_MS, nextAt_ms: NOW_MS + 30 * 24 * HOUR_MS };
    const { stdout } = await cli(['data-key', '--schedule', '30d']);
    assert.match(stdout, /\nMade: +2 days ago\nNext: +it is rotated in 4 weeks\n$/);
    await cli(['data-key', '--schedule', 'off']);
    assert.deepEqual(cluster.calls, ['setDataKeySchedule 2592000000', 'setDataKeySchedule 0']);
    cluster.schedules = { dataKey_ms: 720 * HOUR_MS, oldestDataKeyMadeAt_ms: NOW_MS - 48 * HOUR_MS };
    assert.match(
      (await cli(['cluster'])).stdout,
      /\nData keys: +rotated every 30d; the oldest was made 2 days ago\nBackups: +on demand\n/,
    );
    const { code, stderr } = await cli(['data-key', '--schedule', '1s']);
    assert.equal(code, 1);
    assert.match(stderr, /It is a duration from 1m to 3650d, such as 90m, 1h30m, 720h or 30d, or off\./);
  });
});

test('a rotation that seals nothing anew for long is said to stand still', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    cluster.dataKeyRotations = [12];
    cluster.dataKeyTimes = { still_ms: 3 * HOUR_MS };
    assert.match((await cli(['data-key'])).stdout, /Rotation: +12 records sealed anew, none for 3 hours\n/);
  });
});

test('what was removed and cannot be purged now is said to be so, with what to type later', async () => {
  await withClusterCli(async ({ cli, cluster, store }) => {
    await leaked(store);
    cluster.refusal = new CofferError('store.timeout', 'no majority answers');
    const { code, stderr, stdout } = await cli(['rm', '--purge', 'leaked']);
    assert.deepEqual([code, stdout], [2, 'leaked\n']);
    assert.match(
      stderr,
      /what was removed is not purged yet\nWhen that is mended: coffer data-key --rotate --all\n/,
    );
    assert.match(stderr, /no majority answers/);
  });
});

test('whoever ends the command in the middle of a purge is told that it goes on', async () => {
  await withClusterCli(async ({ cli, cluster, store }) => {
    await leaked(store);
    cluster.members = UP;
    cluster.purgesDone = [1, 2];
    const { stderr } = await cli(['rm', '--purge', 'leaked'], { onEnding: (work) => work() });
    assert.match(stderr, /^coffer: the purge goes on by itself on all managers\n/);
  });
});
