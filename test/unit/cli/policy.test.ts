// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { SecretUse } from '../../../src/control/index.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { grantingCluster } from '../../support/granting-cluster.ts';
import { projectRoot } from '../../support/project.ts';
import { type CliHarness, withCli } from './cli-harness.ts';

/** With a cluster on the store behind the control server. */
async function withPolicy(
  work: (harness: CliHarness) => Promise<void>,
  uses: readonly SecretUse[] = [],
): Promise<void> {
  let cluster = new FakeCluster();
  await withCli({ cluster: () => cluster, secretUses: async () => uses }, async (harness) => {
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

const NODE = { id: 'engine1', hostname: 'node-1', labels: {} };
const USES: readonly SecretUse[] = ['web db', 'web api', 'worker db'].map((pair) => {
  const [name = '', secret = ''] = pair.split(' ');
  return { service: { name, labels: {} }, image: 'redis:8', secret, nodes: [NODE] };
});

test('policy test shows what each service is told about each secret, and ends with 1 if one is denied', async () => {
  await withPolicy(async ({ cli }) => {
    const allowed = await cli(['policy', 'test']);
    assert.deepEqual([allowed.code, allowed.stderr], [0, '']);
    const rows = (text: string): readonly string[] =>
      text
        .trimEnd()
        .split('\n')
        .map((row) => row.split(/ {2,}/).join('|'));
    assert.deepEqual(rows(allowed.stdout), [
      'SERVICE|SECRET|EFFECT|BY',
      'web|api|allow|default',
      'web|db|allow|default',
      'worker|db|allow|default',
    ]);
    const id = (await cli(['policy', 'add', 'deny', 'db', '--service', 'work*'])).stdout.trimEnd();
    const denied = await cli(['policy', 'test', '--secret', 'DB']);
    assert.equal(denied.code, 1);
    assert.deepEqual(rows(denied.stdout).slice(1), ['web|db|allow|default', `worker|db|deny|rule ${id}`]);
    assert.equal((await cli(['policy', 'test', '--service', 'web'])).code, 0);
    assert.equal((await cli(['policy', 'test', '--service', 'web', '--default', 'deny'])).code, 1);
    const json = await cli(['policy', 'test', '--service', 'worker', '--format', 'json']);
    assert.deepEqual(
      [json.code, JSON.parse(json.stdout)],
      [1, { Service: 'worker', Secret: 'db', Effect: 'deny', Because: 'rule', Rule: id, DeniedOn: [] }],
    );
  }, USES);
});

test('policy learn shows the rules that today’s services need, and adds them; then a default of deny denies nobody', async () => {
  await withPolicy(async ({ cli, store }) => {
    await cli(['policy', 'add', 'allow', 'api', '--service', 'web']);
    const shown = await cli(['policy', 'learn']);
    const commands = [
      'coffer policy add allow db --service web',
      'coffer policy add allow db --service worker',
    ];
    assert.deepEqual([shown.code, shown.stdout], [0, `${commands.join('\n')}\n`]);
    const json = (await cli(['policy', 'learn', '--format=json'])).stdout.trimEnd().split('\n');
    assert.deepEqual(JSON.parse(json[0] ?? ''), { Effect: 'allow', Secret: 'db', Service: 'web' });
    assert.equal(store.cluster.policy.rules.length, 1, 'nothing is added that was only shown');
    const added = await cli(['policy', 'learn', '--apply']);
    assert.match(added.stdout, /^[0-9a-z]{25}\n[0-9a-z]{25}\n$/);
    assert.equal((await cli(['policy', 'test', '--default', 'deny'])).code, 0);
    assert.equal((await cli(['policy', 'learn'])).stdout, '');
  }, USES);
});

test('policy learn says of what a rule denies that no other rule changes that', async () => {
  await withPolicy(async ({ cli }) => {
    const id = (await cli(['policy', 'add', 'deny', 'api'])).stdout.trimEnd();
    const { stderr, stdout } = await cli(['policy', 'learn']);
    assert.ok(!stdout.includes('api'));
    assert.match(stderr, new RegExp(`^WARNING: rule ${id} denies service web the secret api;`));
  }, USES);
});

test('the commands of coffer in docs/policy.md are understood, one after the other', async () => {
  const text = readFileSync(path.join(projectRoot(), 'docs', 'policy.md'), 'utf8');
  const lines = [...text.matchAll(/^ {4}a\$ docker coffer (.+)$/gm)];
  assert.ok(lines.length > 6, 'the commands are found');
  await withPolicy(async ({ cli, store }) => {
    for (const [, command = ''] of lines) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
      const { stderr } = await cli(words);
      assert.equal(stderr.replaceAll(/^WARNING: .*\n/gm, ''), words[0] === 'why' ? stderr : '', command);
    }
    assert.equal(store.cluster.policy.default, 'deny');
  }, USES);
});
