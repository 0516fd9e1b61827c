// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { type FakeCluster, ROOT_PEM } from '../../support/fake-cluster.ts';
import { NOW_MS, withClusterCli } from './cli-harness.ts';

test('ca shows the CA and its certificates', async () => {
  await withClusterCli(async ({ cli }) => {
    const { code, stdout, stderr } = await cli(['ca']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      'Digest:           sha256:d1\nValid until:      2046-01-10T12:00:00.000Z, expires in 19 years\n',
    );
    assert.equal((await cli(['ca', '--certificate'])).stdout, ROOT_PEM + ROOT_PEM);
    const json = JSON.parse((await cli(['ca', '--format', 'json'])).stdout) as Record<string, unknown>;
    assert.deepEqual([json['Digest'], json['NotAfter']], ['d1', '2046-01-10T12:00:00.000Z']);
  });
});

/** What `authority` tells while two of three nodes renew, each answer twice. */
function rotationOf(cluster: FakeCluster): void {
  const at = (renewed: number) => ({ startedAt_ms: NOW_MS, nodes: 3, renewed, unreachable: ['three'] });
  cluster.rotations = [at(0), at(0), at(1), at(1), at(2), undefined];
}

test('a rotation is followed to its end, with a line for each change or one that is redrawn', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    rotationOf(cluster);
    const plain = await cli(['ca', '--rotate']);
    assert.equal(plain.code, 0);
    assert.match(plain.stdout, /^Digest: +sha256:d1\nValid until: .*\n$/);
    const end = 'WARNING: out of reach, and so without a certificate of the new CA: three\n';
    assert.equal(
      plain.stderr,
      `0 of 3 nodes have renewed\n1 of 3 nodes have renewed\n2 of 3 nodes have renewed\n${end}`,
    );
    rotationOf(cluster);
    const drawn = await cli(['ca', '--rotate', '--format', 'json'], { terminal: true });
    assert.equal(
      drawn.stderr,
      [0, 1, 2].map((count) => `\r${count} of 3 nodes have renewed\u001b[K`).join('') + `\n${end}`,
    );
    assert.equal((JSON.parse(drawn.stdout) as Record<string, unknown>)['Digest'], 'd1');
    rotationOf(cluster);
    const dumb = await cli(['ca', '--rotate'], { terminal: true, env: { TERM: 'dumb' } });
    assert.ok(!dumb.stderr.includes('\u001b'));
    rotationOf(cluster);
    const detached = await cli(['ca', '--rotate', '--detach']);
    assert.match(
      detached.stdout,
      /\nRotation: +0 of 3 nodes have renewed, begun about a minute ago\nUnreachable: +three\n$/,
    );
    assert.equal(detached.stderr, '');
    cluster.refusal = new CofferError('cluster.rotation-running', 'the CA is being rotated already');
    const running = await cli(['ca', '--rotate']);
    assert.deepEqual([running.code, running.stderr], [2, 'coffer: the CA is being rotated already\n']);
  });
});

test('a rotation outlives a daemon that is away for a moment, and is not waited for without end', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    rotationOf(cluster);
    const authority = cluster.authority.bind(cluster);
    let asked = 0;
    cluster.authority = async () => {
      asked += 1;
      if (asked > 1 && asked < 10) {
        throw new CofferError('store.unavailable', 'no leader');
      }
      return authority();
    };
    assert.equal((await cli(['ca', '--rotate'])).code, 0);
    cluster.authority = async () => {
      asked += 1;
      if (asked > 1) {
        throw new CofferError('store.unavailable', 'no leader');
      }
      return { digest: 'd', certificates: '', notAfter_ms: 0, rotation: still };
    };
    const still = { startedAt_ms: 0, nodes: 1, renewed: 0, unreachable: [] };
    asked = 0;
    const away = await cli(['ca', '--rotate']);
    assert.deepEqual([away.code, away.stderr], [2, '0 of 1 node has renewed\ncoffer: no leader\n']);
    cluster.authority = authority;
    cluster.rotations = [still];
    const stalled = await cli(['ca', '--rotate']);
    assert.equal(stalled.code, 2);
    assert.match(
      stalled.stderr,
      /\ncoffer: no node has renewed for 10 minutes; .*\nSee how far it is: coffer ca\n$/,
    );
  });
});
