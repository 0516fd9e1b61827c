// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { grantingCluster } from '../../support/granting-cluster.ts';
import { type CliHarness, withCli } from './cli-harness.ts';

/** With a cluster on the store behind the control server. */
async function withPolicy(work: (harness: CliHarness) => Promise<void>): Promise<void> {
  let cluster = new FakeCluster();
  await withCli({ cluster: () => cluster }, async (harness) => {
    cluster = await grantingCluster(harness.store);
    await work(harness);
  });
}

test('policy add prints the id of the rule, and says when there is one that says the same', async () => {
  await withPolicy(async ({ cli }) => {
    const words = ['policy', 'add', 'deny', 'db-*', '--service-label', 'a=1', '--service-label', 'b='];
    const first = await cli(words);
    assert.match(first.stdout, /^[0-9a-z]{25}\n$/);
    assert.equal(first.stderr, '');
    const again = await cli(words);
    assert.deepEqual([again.code, again.stdout], [0, first.stdout]);
    assert.equal(again.stderr, 'WARNING: there is this rule already; nothing has changed\n');
    const json = await cli(['policy', 'add', 'allow', 'db', '--node-label', 'Zone=eu', '--format=json']);
    const rule = JSON.parse(json.stdout) as { readonly Effect: unknown; readonly NodeLabels: unknown };
    assert.deepEqual([rule.Effect, rule.NodeLabels], ['allow', { Zone: 'eu' }]);
  });
});

test('policy ls shows a table with what each rule is narrowed down to and the default, ids, or JSON', async () => {
  await withPolicy(async ({ cli }) => {
    const wide = (await cli(['policy', 'add', 'deny', '*'])).stdout.trimEnd();
    const words = ['--service=shop_*', '--stack=shop', '--service-label=tier=front', '--image=redis:8'];
    const more = ['--node=web-1', '--node-label=zone=eu', '--node-label=ssd='];
    const narrow = (await cli(['policy', 'add', 'allow', 'db', ...words, ...more])).stdout.trimEnd();
    const shown = (await cli(['policy', 'ls'])).stdout;
    const rows = shown.trimEnd().split('\n');
    assert.equal(rows.at(-1), 'Where no rule does: allow');
    const cells = new Map(
      rows.slice(0, 3).map((row) => [row.split(/ {2,}/)[0], row.split(/ {2,}/).slice(1, 4)]),
    );
    assert.deepEqual(cells.get('ID'), ['EFFECT', 'SECRET', 'FOR']);
    assert.deepEqual(cells.get(wide), ['deny', '*', 'everybody']);
    assert.deepEqual(cells.get(narrow), [
      'allow',
      'db',
      'service shop_*, stack shop, service-label tier=front, image redis:8, node web-1, node-label ssd=, node-label zone=eu',
    ]);
    const ids = (await cli(['policy', 'ls', '-q'])).stdout.trimEnd().split('\n');
    assert.deepEqual(new Set(ids), new Set([wide, narrow]));
    const lines = (await cli(['policy', 'ls', '--format', 'json'])).stdout.trimEnd().split('\n');
    assert.deepEqual(
      new Set(lines.map((line) => (JSON.parse(line) as { readonly ID: string }).ID)),
      new Set(ids),
    );
  });
});

test('policy rm removes by what only one id begins with, and goes on after one that is not there', async () => {
  await withPolicy(async ({ cli, store }) => {
    const one = (await cli(['policy', 'add', 'deny', 'one'])).stdout.trimEnd();
    const two = (await cli(['policy', 'add', 'deny', 'two'])).stdout.trimEnd();
    const removed = await cli(['policy', 'rm', one.slice(0, 24), 'nothing', two]);
    assert.deepEqual([removed.code, removed.stdout], [2, `${one}\n${two}\n`]);
    assert.match(removed.stderr, /there is no rule nothing\n.*docker coffer policy ls/);
    assert.deepEqual(store.cluster.policy.rules, []);
  });
});

test('policy default shows what holds where no rule does, and sets it', async () => {
  await withPolicy(async ({ cli, store }) => {
    assert.equal((await cli(['policy', 'default'])).stdout, 'allow\n');
    assert.equal((await cli(['policy', 'default', 'deny'])).stdout, 'deny\n');
    assert.equal(store.cluster.policy.default, 'deny');
    assert.equal((await cli(['policy', 'default', '--format=json'])).stdout, '{"Default":"deny"}\n');
    const wrong = await cli(['policy', 'default', 'none']);
    assert.equal(wrong.code, 1);
    assert.equal(store.cluster.policy.default, 'deny');
  });
});

test('a rule that a variable which is not set would make another one is not typed', async () => {
  await withPolicy(async ({ cli, store }) => {
    for (const words of [
      ['--service', ''],
      ['--stack', ''],
      ['--image', ''],
      ['--node', ''],
      ['--service-label', 'tier'],
      ['--node-label', '=eu'],
    ]) {
      const { code, stderr } = await cli(['policy', 'add', 'deny', 'db', ...words]);
      assert.equal(code, 1, words.join(' '));
      assert.match(stderr, /leave the option out|KEY=VALUE|key=value/);
    }
    const empty = await cli(['policy', 'add', 'deny', '']);
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /^coffer: no secret can be named ""\n/);
    assert.deepEqual(store.cluster.policy.rules, []);
  });
});

test('completion offers the ids of rules', async () => {
  await withPolicy(async ({ cli }) => {
    const id = (await cli(['policy', 'add', 'deny', 'db'])).stdout.trimEnd();
    const { stdout } = await cli(['__complete', 'policy', 'rm', '']);
    assert.ok(stdout.includes(`${id}\tdeny db\n`), stdout);
  });
});
