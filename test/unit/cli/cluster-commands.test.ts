// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { nodeOf, TOKEN, tokenOf } from '../../support/fake-cluster.ts';
import { Keyboard, NOW_MS, withCli, withClusterCli } from './cli-harness.ts';

const DAY_MS = 86_400_000;

test('a group of commands without one of them shows its help, and ends with 1', async () => {
  await withClusterCli(async ({ cli }) => {
    const bare = await cli(['node']);
    assert.deepEqual([bare.code, bare.stdout], [1, '']);
    assert.match(bare.stderr, /^Usage: coffer node COMMAND\n[^]*promote/);
  });
});

test('a command about the cluster that is not understood ends with 1 and changes nothing', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const wrong = [
      ['node', 'lss'],
      ['node', 'inspect', 'two', '--pretty', '--format', 'json'],
      ['node', 'promote', 'two', '--format', 'table'],
      ['join-token', 'leader'],
      ['join-token', 'worker', '--ttl', '90'],
      ['join-token', 'worker', '--ttl', '-1h'],
      ['join-token', 'worker', '--uses', '0'],
      ['join-token', 'worker', '--uses', '1e2'],
      ['ca', '--detach'],
      ['data-key', '--detach'],
      ['data-key', '--schedule', '30'],
      ['data-key', '--schedule', '59s'],
      ['data-key', '--schedule', 'off', '--rotate'],
      ['rm', '--detach', 'name'],
      ['ca', '--rotate', '--certificate'],
      ['cluster', 'updat'],
      ['cluster', 'update'],
      ['cluster', 'update', '--certificate-lifetime', 'long'],
    ];
    for (const argv of wrong) {
      const { code, stdout, stderr } = await cli(argv);
      assert.deepEqual([code, stdout], [1, ''], argv.join(' '));
      assert.match(stderr, /^coffer: .+\n/, argv.join(' '));
    }
    assert.deepEqual(cluster.calls, []);
  });
});

test('every command ends with 2 and the reason where the node has no cluster to show', async () => {
  const cluster = (): never => {
    throw new CofferError('cluster.not-a-manager', 'this node is a worker', { hint: 'Ask a manager.' });
  };
  const commands = [
    'cluster',
    'cluster update --certificate-lifetime 2h',
    'node ls',
    'node inspect a',
    'node promote a',
    'node demote a',
    'node rm a',
    'join-token worker',
    'join-token ls',
    'join-token revoke a',
    'ca',
    'ca --rotate',
    'data-key',
    'data-key --rotate',
  ];
  await withCli({ cluster }, async ({ cli }) => {
    for (const command of commands) {
      const { code, stdout, stderr } = await cli(command.split(' '));
      assert.equal(code, 2, command);
      assert.equal(stdout, command.startsWith('node inspect') ? '[]\n' : '', command);
      assert.equal(stderr, 'coffer: this node is a worker\nAsk a manager.\n', command);
    }
  });
});

test('at a terminal, a manager is removed and the CA rotated only after a yes', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const remove = ['node', 'rm', '-f', 'two'];
    for (const [argv, answer] of [
      [remove, '\n'],
      [remove, 'no\n'],
      [['ca', '--rotate'], 'n\n'],
    ] as const) {
      const { code, stdout, stderr } = await cli(argv, { stdin: new Keyboard(answer) });
      assert.deepEqual([code, stdout], [1, ''], argv.join(' '));
      assert.match(stderr, /Go on\? \[y\/N\] coffer: nothing was changed\n$/);
    }
    const hungUp = new Keyboard();
    hungUp.end();
    assert.equal((await cli(remove, { stdin: hungUp })).code, 1);
    assert.deepEqual(cluster.calls, []);
    assert.equal((await cli(remove, { stdin: new Keyboard('y\n') })).stdout, 'two\n');
    assert.equal((await cli(['ca', '--rotate'], { stdin: new Keyboard('YES\n') })).code, 0);
    // What needs no question, or has its answer.
    for (const argv of [
      ['node', 'rm', '-f', 'four'],
      ['node', 'rm', '-f', '-y', 'three'],
      ['ca', '--rotate', '-y'],
    ]) {
      const { code, stderr } = await cli(argv, { stdin: new Keyboard() });
      assert.deepEqual([code, stderr], [0, ''], argv.join(' '));
    }
  });
});

test('join-token prints what to type on the new node, for both ways of installing', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const { code, stdout, stderr } = await cli(['join-token', 'worker']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      [
        'To add a worker to this cluster, run the following command on the new node, as a plugin of its engine:',
        '',
        `    docker plugin install --alias coffer REGISTRY/coffer COFFER_JOIN=10.0.0.1:7373 COFFER_JOIN_TOKEN=${TOKEN}`,
        '',
        'or as a process of its own:',
        '',
        `    COFFER_JOIN=10.0.0.1:7373 COFFER_JOIN_TOKEN=${TOKEN} node dist/coffer-daemon.cjs`,
        '',
        'Instead of 10.0.0.1:7373 it may be: 10.0.0.2:7373',
        'The token is good for 58 minutes and 10 nodes. It is not shown again.',
        '',
      ].join('\n'),
    );
    cluster.addresses = ['[fd00::1]:7373'];
    const rotated = await cli(['join-token', 'manager', '--rotate', '--ttl', '1h30m', '--uses', '1']);
    assert.match(rotated.stdout, /^All other join tokens for a manager are revoked\.\n/);
    assert.match(rotated.stdout, /COFFER_JOIN=\[fd00::1\]:7373 /);
    assert.match(rotated.stdout, /\n\nThe token is good for about an hour and 1 node\. /);
    assert.equal((await cli(['join-token', '--quiet', 'worker'])).stdout, `${TOKEN}\n`);
    const json = JSON.parse((await cli(['join-token', 'worker', '--format', 'json'])).stdout) as unknown;
    assert.deepEqual(json, {
      Token: TOKEN,
      Description: {
        ID: 'tok2',
        Role: 'worker',
        CreatedAt: new Date(NOW_MS).toISOString(),
        ExpiresAt: new Date(NOW_MS + 3_600_000).toISOString(),
        UsesLeft: 10,
      },
      Addresses: ['[fd00::1]:7373'],
    });
    assert.deepEqual(cluster.calls, [
      'createToken {"role":"worker"}',
      'createToken {"role":"manager","ttl_ms":5400000,"uses":1,"rotate":true}',
      'createToken {"role":"worker"}',
      'createToken {"role":"worker"}',
    ]);
    const tooShort = await cli(['join-token', 'worker', '--ttl', '1s']);
    assert.deepEqual([tooShort.code, tooShort.stdout], [1, '']);
    assert.match(tooShort.stderr, /'--ttl <duration>' .*It is a duration from 1m to 30d, such as 90m/);
    const tooMany = await cli(['join-token', 'worker', '--uses', '1001']);
    assert.deepEqual([tooMany.code, tooMany.stderr], [2, 'coffer: uses is a whole number, 1 to 1000\n']);
  });
});

test('join tokens are listed without their secrets, and revoked', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    const older = { createdAt_ms: NOW_MS - DAY_MS, expiresAt_ms: NOW_MS, usesLeft: 3 };
    cluster.listed = [tokenOf('old1', 'manager', older), tokenOf('tok1', 'worker')];
    assert.equal(
      (await cli(['join-token', 'ls'])).stdout,
      [
        'ID     ROLE      CREATED              VALIDITY                     USES LEFT',
        'tok1   worker    About a minute ago   expires in 58 minutes        10',
        'old1   manager   24 hours ago         expired about a minute ago   3',
        '',
      ].join('\n'),
    );
    assert.equal((await cli(['join-token', 'ls', '-q'])).stdout, 'tok1\nold1\n');
    const lines = (await cli(['join-token', 'ls', '--format', 'json'])).stdout.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { UsesLeft: number }).UsesLeft),
      [10, 3],
    );
    const revoked = await cli(['join-token', 'revoke', 'old1', 'tok1']);
    assert.deepEqual(revoked, { code: 0, stdout: 'old1\ntok1\n', stderr: '' });
    assert.deepEqual(cluster.listed, []);
    cluster.refusal = new CofferError('cluster.token-invalid', 'there is no token x');
    assert.equal((await cli(['join-token', 'revoke', 'x'])).code, 2);
  });
});

test('cluster describes itself with its warnings, and takes another lifetime for certificates', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    cluster.warnings = ['manager three is down\u001b[2J'];
    const { code, stdout, stderr } = await cli(['cluster']);
    assert.deepEqual([code, stderr], [0, 'WARNING: manager three is down?[2J\n']);
    assert.equal(
      stdout,
      [
        'ID:               cluster1',
        'Created:          About a minute ago',
        'Managers:         3',
        'Workers:          1',
        'Quorum:           2 of 3 voting managers, 2 reachable',
        'Leader:           one (id1)',
        'Certificates:     last 90d',
        'Removed nodes:    1',
        '',
      ].join('\n'),
    );
    cluster.leader = undefined;
    assert.match((await cli(['cluster'])).stdout, /\nLeader: +none\n/);
    cluster.warnings = [];
    const json = JSON.parse((await cli(['cluster', '--format', 'json'])).stdout) as Record<string, unknown>;
    assert.deepEqual([json['ID'], json['Quorum'], json['Warnings']], ['cluster1', 2, []]);
    const updated = await cli(['cluster', 'update', '--certificate-lifetime', '720h']);
    assert.deepEqual(updated, {
      code: 0,
      stdout: 'Certificates last 30d, each from its next renewal on.\n',
      stderr: '',
    });
    const again = await cli(['cluster', 'update', '--certificate-lifetime', '1d', '--format', 'json']);
    assert.equal((JSON.parse(again.stdout) as Record<string, unknown>)['CertificateLifetime_ms'], DAY_MS);
    cluster.refusal = new CofferError('cluster.lifetime', 'a certificate lasts an hour at least');
    const refused = await cli(['cluster', 'update', '--certificate-lifetime', '1h']);
    assert.deepEqual([refused.code, refused.stderr], [2, 'coffer: a certificate lasts an hour at least\n']);
  });
});

test('an answer that is not one about a cluster is said not to be understood', async () => {
  await withClusterCli(async ({ cli, cluster }) => {
    cluster.members = [nodeOf('id1', 'one', { joinedAt_ms: Number.NaN })];
    const { code, stdout, stderr } = await cli(['node', 'ls']);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^coffer: the answer \(HTTP 200\) is not one that this command line understands\n/);
  });
});
