// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { grantingCluster } from '../../support/granting-cluster.ts';
import { projectRoot } from '../../support/project.ts';
import { putValue } from '../../support/test-store.ts';
import { type Cli, type CliHarness, Keyboard, withCli } from './cli-harness.ts';

/** With a cluster on the store behind the control server: a manager `first`, workers `web-1` and `web-2`. */
async function withGrants(
  work: (harness: CliHarness & { cluster: FakeCluster }) => Promise<void>,
): Promise<void> {
  let cluster = new FakeCluster();
  await withCli({ cluster: () => cluster }, async (harness) => {
    cluster = await grantingCluster(harness.store);
    await work({ ...harness, cluster });
  });
}

async function granted(cli: Cli, ...words: readonly string[]): Promise<string> {
  const { code, stdout } = await cli(['grant', ...words]);
  assert.equal(code, 0);
  return stdout.trimEnd();
}

test('grant prints the id, the same one when it is granted again, and a note while there is no such secret', async () => {
  await withGrants(async ({ cli, store }) => {
    const first = await cli(['grant', 'db', '--node', 'web-1', '--label', 'app', '--label', 'tier=front']);
    assert.match(first.stdout, /^[0-9a-z]{12}\n$/);
    assert.equal(first.stderr, 'WARNING: there is no secret db yet; store it with: coffer put db -\n');
    await putValue(store, 'db', Buffer.from('value'));
    const labels = ['--label', 'tier=front', '--label', 'app'];
    const again = await cli(['grant', 'DB', '--node', 'id-web-1', ...labels]);
    assert.deepEqual([again.code, again.stdout, again.stderr], [0, first.stdout, '']);
    const json = await cli(['grant', 'db', '--node', 'first', '--image', 'redis:8', '--format', 'json']);
    const grant = JSON.parse(json.stdout) as { readonly Node: unknown; readonly Image: string };
    assert.deepEqual([grant.Node, grant.Image], [{ ID: 'id-first', Hostname: 'first' }, 'redis:8']);
  });
});

test('grant-ls shows a table with what each grant is narrowed down to, ids, or JSON', async () => {
  await withGrants(async ({ cli, store }) => {
    await putValue(store, 'db2', Buffer.from('value'));
    const wide = await granted(cli, 'db10', '--node', 'web-1');
    const narrow = await granted(
      cli,
      'db2',
      '--node=web-2',
      '--container=app-*',
      '--image=redis:8',
      '--label=tier=front',
      '--label=app',
    );
    const rows = (await cli(['grant-ls'])).stdout.trimEnd().split('\n');
    assert.deepEqual(
      rows.map((row) => row.split(/ {2,}/)),
      [
        ['ID', 'SECRET', 'NODE', 'CONTAINER', 'LABELS', 'IMAGE', 'GRANTED'],
        [narrow, 'db2', 'web-2', 'app-*', 'app,tier=front', 'redis:8', 'About a minute ago'],
        [wide, 'db10 (no such secret)', 'web-1', '*', '*', '*', 'About a minute ago'],
      ],
    );
    assert.equal((await cli(['grant-ls', '-q', 'DB10'])).stdout, `${wide}\n`);
    assert.equal((await cli(['grant-ls', '-q', '--node', 'web-2'])).stdout, `${narrow}\n`);
    assert.equal((await cli(['grant-ls', '-q', 'db10', '--node', 'web-2'])).stdout, '');
    const json = JSON.parse((await cli(['grant-ls', 'db2', '--format', 'json'])).stdout) as object;
    assert.deepEqual(json, {
      ID: narrow,
      Secret: 'db2',
      SecretExists: true,
      Node: { ID: 'id-web-2', Hostname: 'web-2' },
      Container: 'app-*',
      Labels: { app: '', tier: 'front' },
      Image: 'redis:8',
      GrantedAt: '2026-01-15T12:00:00.000Z',
    });
  });
});

test('grant-ls shows what this node knows while it cannot reach the others, and says so', async () => {
  await withGrants(async ({ cli, store }) => {
    await granted(cli, 'db', '--node', 'web-1');
    store.freshness = 'local';
    const { code, stderr, stdout } = await cli(['grant-ls']);
    assert.deepEqual([code, stdout.split('\n').length], [0, 3]);
    assert.match(stderr, /the answer may be old/);
  });
});

test('revoke takes grants away by their ids or the beginnings of them, and goes on after a mistake', async () => {
  await withGrants(async ({ cli, store }) => {
    const one = await granted(cli, 'db', '--node', 'web-1');
    const two = await granted(cli, 'db', '--node', 'web-2');
    const { code, stderr, stdout } = await cli(['revoke', one, 'nothing', two.slice(0, 11)]);
    assert.deepEqual([code, stdout], [2, `${one}\n${two}\n`]);
    assert.match(
      stderr,
      /^coffer: there is no grant nothing\n.*grant-ls; by a secret's name: docker coffer revoke NAME --node NODE\n$/,
    );
    assert.equal(store.cluster.grantCount, 0);
  });
});

test('revoke by the name of a secret takes all that a node has of it, once that is confirmed', async () => {
  await withGrants(async ({ cli, store }) => {
    const kept = await granted(cli, 'db', '--node', 'web-2');
    const all = [await granted(cli, 'db', '--node', 'web-1')];
    all.push(await granted(cli, 'db', '--node', 'web-1', '--container', 'app'));
    const asked = await cli(['revoke', 'DB', '--node', 'web-1'], { stdin: new Keyboard('n\n') });
    assert.equal(asked.code, 1);
    assert.match(asked.stderr, /^2 grants of DB on web-1 are revoked: \w{12}, \w{12}\. Go on\? \[y\/N\] /);
    assert.equal(store.cluster.grantCount, 3);
    const forced = await cli(['revoke', '-f', 'db', '--node', 'web-1'], { stdin: new Keyboard() });
    assert.deepEqual([forced.code, new Set(forced.stdout.trimEnd().split('\n'))], [0, new Set(all)]);
    const none = await cli(['revoke', 'db', '--node', 'web-1']);
    assert.deepEqual(
      [none.code, none.stderr],
      [2, 'coffer: node web-1 has no grant of secret db\nSee which it has: coffer grant-ls --node web-1\n'],
    );
    // A single one is what was asked for.
    const single = await cli(['revoke', 'db', '--node', 'web-2'], { stdin: new Keyboard('n\n') });
    assert.deepEqual([single.code, single.stdout], [0, `${kept}\n`]);
  });
});

test('a grant that cannot be is refused with one sentence, and with what to type instead', async () => {
  await withGrants(async ({ cli, store }) => {
    for (const [words, sentence, hint] of [
      [
        ['db'],
        /^coffer: a grant is for one node$/,
        /^Name it with --node NODE\. See the nodes: coffer node ls$/,
      ],
      [['db', '--node', 'nobody'], /there is no node nobody/, /^docker coffer node ls shows the nodes\.$/],
      [['db', '--node', 'id-web'], /id-web is ambiguous: 2 nodes match/, /^Use the id\.$/],
      [['d b', '--node', 'web-1'], /the secret's name is invalid/, /docker coffer ls$/],
      [
        ['db', '--node', 'web-1', '--container', '^app-.*$'],
        /no container can be named "\^app/,
        /--container "web-\*"$/,
      ],
      [
        ['db', '--node', 'web-1', '--image', 'redis:*'],
        /no image can be named "redis:\*"/,
        /without \* or \?\.$/,
      ],
    ] as const) {
      const { code, stderr, stdout } = await cli(['grant', ...words]);
      const [first = '', second = '', ...more] = stderr.trimEnd().split('\n');
      assert.ok(code !== 0 && stdout === '' && more.length === 0, stderr);
      assert.match(first, sentence);
      assert.match(second, hint);
    }
    assert.equal(store.cluster.grantCount, 0);
  });
});

test('a shell variable that is not set makes no grant wider', async () => {
  await withGrants(async ({ cli, store }) => {
    for (const option of ['--container=', '--image=', '--label=env=', '--label=']) {
      const { code, stderr } = await cli(['grant', 'db', '--node', 'web-1', option]);
      assert.equal(code, 1, option);
      assert.match(stderr, /It is empty; leave the option out|It is KEY=VALUE, or KEY alone/);
    }
    assert.equal(store.cluster.grantCount, 0);
  });
});

test('rm names the grants that stay for the next secret of that name', async () => {
  await withGrants(async ({ cli, store }) => {
    await putValue(store, 'db', Buffer.from('value'));
    await putValue(store, 'api', Buffer.from('value'));
    const id = await granted(cli, 'db', '--node', 'web-1');
    const { code, stderr, stdout } = await cli(['rm', 'api', 'db']);
    assert.deepEqual([code, stdout], [0, 'api\ndb\n']);
    assert.equal(stderr, `WARNING: 1 grant stays for the next secret db; to revoke: coffer revoke ${id}\n`);
    assert.match((await cli(['grant-ls'])).stdout, /db \(no such secret\)/);
  });
});

test('node rm says how many grants went with the node', async () => {
  await withGrants(async ({ cli, cluster }) => {
    cluster.grantsOfRemoved = 2;
    const { stderr, stdout } = await cli(['node', 'rm', 'four']);
    assert.equal(stdout, 'four\n');
    assert.equal(stderr, 'WARNING: 2 grants went with four; if it joins again, it has none\n');
    cluster.grantsOfRemoved = 0;
    assert.equal((await cli(['node', 'rm', '--force', 'three'])).stderr, '');
  });
});

test('completion knows secrets to grant, nodes, and grants to revoke', async () => {
  await withGrants(async ({ cli, store }) => {
    await putValue(store, 'db', Buffer.from('value'));
    await putValue(store, 'api', Buffer.from('value'));
    const id = await granted(cli, 'db', '--node', 'web-1');
    const complete = async (...words: readonly string[]): Promise<readonly string[]> =>
      (await cli(['__complete', ...words])).stdout.trimEnd().split('\n');
    assert.deepEqual(await complete('grant', ''), ['api\tversion 1', 'db\tversion 1', ':4']);
    assert.deepEqual(await complete('grant', 'db', ''), [':4']);
    assert.deepEqual(await complete('grant-ls', 'a'), ['api\tversion 1', ':4']);
    assert.deepEqual(await complete('grant', 'db', '--node', 'fo'), ['four\tworker, ready', ':4']);
    assert.deepEqual(await complete('revoke', ''), [`${id}\tdb on web-1`, 'db\twith --node', ':4']);
    assert.deepEqual(await complete('revoke', id, ''), ['db\twith --node', ':4']);
  });
});

test('the commands of coffer in docs/volumes.md are understood, one after the other', async () => {
  const text = readFileSync(path.join(projectRoot(), 'docs', 'volumes.md'), 'utf8');
  const lines = [...text.matchAll(/^ {4}a\$ (?:echo "(.+)" \| )?docker coffer (.+)$/gm)];
  assert.ok(lines.length > 10, 'the commands are found');
  await withGrants(async ({ cli, store }) => {
    for (const [, stdin, command = ''] of lines) {
      const words = command.split(' ').map((word) => (word === 'a' ? 'first' : word));
      const { code, stderr } = await cli(words, { stdin: stdin ?? '' });
      assert.equal(code, 0, `${command}: ${stderr}`);
    }
    // What was revoked at the end is the one secret, and not the other.
    assert.deepEqual(new Set(store.cluster.grants().map(({ secret }) => secret)), new Set(['api_key']));
  });
});
