// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withClusterCli } from './cli-harness.ts';

const SHOWN = 'ID:        abababababababab\nSealed:    no, it lies beside the data\n';

test('data-key shows the key by its id, and a rotation that is under way', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    assert.deepEqual(await cli(['data-key']), { code: 0, stdout: SHOWN, stderr: '' });
    cluster.dataKeyRotations = [12];
    assert.equal((await cli(['data-key'])).stdout, `${SHOWN}Rotation:  12 records sealed anew\n`);
    const json = JSON.parse((await cli(['data-key', '--format', 'json'])).stdout) as unknown;
    assert.deepEqual(json, { ID: 'ab'.repeat(8), Sealed: false });
    assert.deepEqual(cluster.calls, []);
  });
});

test('whoever ends the command in the middle of a rotation is told that it goes on', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    cluster.dataKeyRotations = [0, undefined];
    const { stderr } = await cli(['data-key', '--rotate'], { onEnding: (work) => work() });
    assert.match(stderr, /^coffer: the rotation goes on by itself\nSee how far it is: coffer data-key\n/);
  });
});

test('a rotation of the data key is followed to its end, and a failure says that nothing is lost', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    cluster.dataKeyRotations = [0, 1, 1, 2_000, undefined];
    const plain = await cli(['data-key', '--rotate']);
    assert.deepEqual([plain.code, plain.stdout], [0, SHOWN]);
    assert.equal(plain.stderr, '0 records sealed anew\n1 record sealed anew\n2000 records sealed anew\n');
    cluster.dataKeyRotations = [0];
    const detached = await cli(['data-key', '--rotate', '--detach']);
    assert.deepEqual([detached.code, detached.stderr], [0, '']);
    assert.match(detached.stdout, /\nRotation: +0 records sealed anew\n$/);
    cluster.dataKeyRotations = [0, 5, undefined];
    cluster.dataKeyProblem = '[store.disk-full] the disk is full';
    const failed = await cli(['data-key', '--rotate']);
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /not rotated to the end: .*the disk is full\nBoth keys are kept/);
    assert.deepEqual(cluster.calls, ['data-key rotate', 'data-key rotate', 'data-key rotate']);
  });
});
