// SPDX-License-Identifier: Apache-2.0
// What is imported from .env and Compose files, and what the command line shows of it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type MemoryStore } from '../../support/memory-store.ts';
import { putValue } from '../../support/test-store.ts';
import { withCli } from './cli-harness.ts';

function valueOf(store: MemoryStore, name: string): string {
  const secret = store.byName(name);
  return store
    .readValue(secret?.id ?? '', secret?.versions.at(-1)?.number ?? 0)
    .expose()
    .toString();
}

test('a .env file is imported, nothing is overwritten, and a second time changes nothing', async () => {
  await withCli({}, async ({ cli, directory, store }) => {
    const file = path.join(directory, '.env');
    writeFileSync(file, 'DB="a secret"\nAPI=other\nEMPTY=\n_X=1\n');
    await putValue(store, 'shop_API', Buffer.from('kept'));
    const dry = await cli(['import', 'env', file, '--prefix', 'shop_', '--dry-run']);
    assert.equal(
      dry.stdout,
      `NAME         SIZE   FROM     IN COFFER
shop_DB      8B     line 1   would become version 1
shop_API     5B     line 2   is there, kept at version 1
shop_EMPTY   0B     line 3   left out: a value has 1 to 511999 bytes
shop__X      1B     line 4   would become version 1
`,
    );
    assert.equal(store.list().length, 1, 'a dry run stores nothing');
    const first = await cli(['import', 'env', file, '--prefix', 'shop_']);
    assert.equal(first.code, 0);
    assert.match(first.stdout, /shop_DB +8B +line 1 +version 1\n/);
    assert.match(first.stdout, /shop_API +5B +line 2 +is there, kept at version 1: it has 4 bytes there\n/);
    assert.equal(valueOf(store, 'shop_DB'), 'a secret');
    assert.equal(valueOf(store, 'shop_API'), 'kept');
    const before = JSON.stringify(store.list());
    const second = await cli(['import', 'env', file, '--prefix', 'shop_', '--format', 'json']);
    const states = second.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly State: string }).State);
    assert.deepEqual(states, ['there', 'there', 'left-out', 'there']);
    assert.equal(JSON.stringify(store.list()), before);
    for (const { stderr, stdout } of [dry, first, second]) {
      assert.doesNotMatch(stdout + stderr, /a secret|other/, 'no value is shown');
    }
  });
});

test('names that no secret can have are left out, and those that differ in their case are refused', async () => {
  await withCli({}, async ({ cli, store }) => {
    const odd = await cli(['import', 'env', '-'], { stdin: '_A=1\nB=2\n' });
    assert.match(odd.stdout, /_A +1B +line 1 +left out: it is no name of a secret/);
    assert.equal(odd.code, 0);
    const twins = await cli(['import', 'env', '-'], { stdin: 'Db=1\nDB=2\n' });
    assert.equal(twins.code, 1);
    assert.match(twins.stderr, /Db \(line 1\) and DB \(line 2\) would be one secret/);
    assert.deepEqual(
      store.list().map(({ name }) => name),
      ['B'],
    );
  });
});

test('a Compose file is imported with what its secrets come from, and what to change in it is shown', async () => {
  await withCli({}, async ({ cli, directory, store }) => {
    const file = path.join(directory, 'compose.yaml');
    writeFileSync(path.join(directory, 'db.txt'), Buffer.from([1, 0, 255]));
    writeFileSync(
      file,
      `secrets:
  db: { file: ./db.txt }
  api: { environment: API_KEY, name: shop_api }
  gone: { file: ./gone.txt }
  unset: { environment: NOSUCH }
  outside: { external: true }
`,
    );
    const { code, stdout } = await cli(['import', 'compose', file], { env: { API_KEY: 'hunter2' } });
    assert.equal(code, 0);
    const gone = path.join(directory, 'gone.txt');
    const [table = '', ...rest] = stdout.split('\n\n');
    assert.deepEqual(
      table.split('\n').map((line) => line.replaceAll(/ {3,}/g, ' | ')),
      [
        'NAME | SIZE | FROM | IN COFFER',
        'db | 3B | ./db.txt | version 1',
        'shop_api | 7B | variable API_KEY | version 1',
        `gone | ./gone.txt | left out: ${gone} cannot be read (ENOENT)`,
        'unset | variable NOSUCH | left out: there is no such variable in the environment',
        'outside | left out: it is external: the file does not say what it is',
      ],
    );
    assert.deepEqual(
      rest.join('\n\n'),
      `In the file of a stack, then write:
  secrets:
    db:
      driver: coffer
      labels: { coffer.name: db }
    api:
      driver: coffer
      labels: { coffer.name: shop_api }
In a Compose file, in the place of its secrets, a volume that services mount at /run/secrets:
  volumes:
    secrets:
      driver: coffer
      driver_opts: { secrets: "db shop_api:api" }
`,
    );
    assert.equal(valueOf(store, 'db'), '\u0001\0\ufffd');
    assert.equal(valueOf(store, 'shop_api'), 'hunter2');
    const again = await cli(['import', 'compose', file, '--format', 'json'], { env: { API_KEY: 'hunter2' } });
    assert.match(
      again.stdout,
      /^\{"Name":"db","Source":".\/db.txt","Size":3,"State":"there","Version":1\}\n/,
    );
  });
});

const WRONG: readonly (readonly [words: readonly string[], says: RegExp])[] = [
  [['env', '/nosuch/file'], /^coffer: \/nosuch\/file cannot be read \(ENOENT\)\n/],
  [['env', '/'], /^coffer: \/ cannot be read \(EISDIR\)\n/],
  [['compose', '/nosuch/file'], /^coffer: \/nosuch\/file cannot be read \(ENOENT\)\n/],
  [['compose', '-'], /^coffer: give a file: /],
  [['env', '-'], /^coffer: the file has no variable\n/],
];

for (const [words, says] of WRONG) {
  test(`import ${words.join(' ')} is refused with a sentence`, async () => {
    await withCli({}, async ({ cli, store }) => {
      const { code, stderr } = await cli(['import', ...words], { stdin: '# nothing\n' });
      assert.equal(code, 1);
      assert.match(stderr, says);
      assert.deepEqual(store.list(), []);
    });
  });
}

test('a value that the daemon refuses is told, and the others are stored', async () => {
  await withCli({}, async ({ cli, store }) => {
    const { code, stdout } = await cli(['import', 'env', '-'], {
      stdin: `A=1\nB=${'x'.repeat(512_000)}\nC=3\n`,
    });
    assert.equal(code, 0);
    assert.match(stdout, /B +512kB +line 2 +left out: a value has 1 to 511999 bytes\n/);
    assert.deepEqual(
      store
        .list()
        .map(({ name }) => name)
        .toSorted(),
      ['A', 'C'],
    );
  });
});
