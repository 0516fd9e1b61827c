// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeOf } from '../../support/fake-cluster.ts';
import { NOW_MS, withClusterCli } from './cli-harness.ts';

const DAY_MS = 86_400_000;

test('node ls shows a table in natural order, ids, or JSON', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const [one, two, three, four] = cluster.members;
    assert.ok(one !== undefined && two !== undefined && three !== undefined && four !== undefined);
    cluster.members = [
      { ...four, hostname: 'web10' },
      { ...two, hostname: 'web9' },
      { ...three, certificate: { notAfter_ms: NOW_MS - 3 * DAY_MS, authorityDigest: 'd' } },
      nodeOf('id5', 'five\u001b[2J', { status: 'joining', voter: false, address: '10.0.0.5:7373' }),
      nodeOf('id6', 'six', { status: 'unknown', address: '' }),
      one,
    ];
    assert.equal(
      (await cli(['node', 'ls'])).stdout,
      [
        'ID      HOSTNAME   STATUS    ROLE      MANAGER STATUS   ADDRESS              CERTIFICATE',
        'id5     five?[2J   Joining   manager   Joining          10.0.0.5:7373        expires in 2 months',
        'id1 *   one        Ready     manager   Leader           one.example:7373     expires in 2 months',
        'id6     six        Unknown   manager   Unknown                               expires in 2 months',
        'id3     three      Down      manager   Unreachable      three.example:7373   expired 3 days ago',
        'id2     web9       Ready     manager   Reachable        two.example:7373     expires in 2 months',
        'id4     web10      Ready     worker                                          expires in 2 months',
        '',
      ].join('\n'),
    );
    assert.equal((await cli(['node', 'ls', '-q'])).stdout, 'id5\nid1\nid6\nid3\nid2\nid4\n');
    const lines = (await cli(['node', 'ls', '--format', 'json'])).stdout.trimEnd().split('\n');
    assert.equal(lines.length, 6);
    const self = JSON.parse(lines[1] ?? '') as Record<string, unknown>;
    assert.deepEqual(
      [self['ID'], self['Hostname'], self['Leader'], self['Self'], self['EngineNodeID'], self['JoinedAt']],
      ['id1', 'one', true, true, 'engine-id1', new Date(NOW_MS).toISOString()],
    );
    assert.deepEqual(self['Certificate'], {
      NotAfter: new Date(NOW_MS + 90 * DAY_MS).toISOString(),
      AuthorityDigest: 'd1',
    });
  });
});

test('node inspect prints an array of what it found, and complains about the rest', async () => {
  await withClusterCli(async ({ cli }) => {
    const { code, stdout, stderr } = await cli(['node', 'inspect', 'two', 'nobody', 'id4']);
    assert.equal(code, 2);
    assert.match(stderr, /^coffer: node nobody not found\nList the nodes with: docker coffer node ls\n$/);
    const ids = (JSON.parse(stdout) as readonly { ID: string }[]).map(({ ID }) => ID);
    assert.deepEqual(ids, ['id2', 'id4']);
    assert.equal((await cli(['node', 'inspect', 'two', '--format', 'json'])).stdout.split('\n').length, 2);
    const pretty = await cli(['node', 'inspect', '--pretty', 'one', 'four']);
    assert.match(
      pretty.stdout,
      /^ID: +id1\nHostname: +one\nRole: +manager\nStatus: +Ready\nManager status: +Leader\nVotes: +yes\nStored entries: +up to 7\n[^]*\n\nID: +id4\n[^]*Role: +worker\nStatus: +Ready\nAddress: +none\n/,
    );
  });
});

test('nodes are promoted and demoted, several at once, and the last state is warned of', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    cluster.warnings = ['with 2 managers none can be lost'];
    const { code, stdout, stderr } = await cli(['node', 'demote', 'two', 'nobody', 'four', 'id3']);
    assert.equal(code, 2);
    assert.equal(
      stdout,
      'Manager two demoted in the cluster.\nNode four is already a worker.\nManager three demoted in the cluster.\n',
    );
    assert.equal(
      stderr,
      'coffer: node nobody not found\nList the nodes with: docker coffer node ls\n' +
        'WARNING: with 2 managers none can be lost\n',
    );
    cluster.warnings = [];
    const promoted = await cli(['node', 'promote', '--force', 'two']);
    assert.deepEqual(promoted, {
      code: 0,
      stdout: 'Node two promoted to a manager of the cluster.\n',
      stderr: '',
    });
    const json = await cli(['node', 'promote', 'four', '--format', 'json']);
    assert.deepEqual(
      [(JSON.parse(json.stdout) as { ID: string; Role: string }).ID, cluster.calls],
      [
        'id4',
        [
          'setRole id2 worker',
          'setRole id4 worker',
          'setRole id3 worker',
          'setRole id2 manager force',
          'setRole id4 manager',
        ],
      ],
    );
  });
});

test('node rm goes on after a refusal, and keeps a manager unless it is forced', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const { code, stdout, stderr } = await cli(['node', 'rm', 'two', 'four']);
    assert.deepEqual([code, stdout], [2, 'four\n']);
    assert.match(stderr, /^coffer: node two is a manager\nDemote it first: docker coffer node demote two\n$/);
    const forced = await cli(['node', 'rm', '--force', 'two', '--format', 'json']);
    assert.deepEqual([forced.code, JSON.parse(forced.stdout)], [0, { ID: 'id2', Hostname: 'two' }]);
    assert.deepEqual(
      cluster.members.map(({ id }) => id),
      ['id1', 'id3'],
    );
  });
});
