// SPDX-License-Identifier: Apache-2.0
// What the command line shows and does with the versions of a secret.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../../src/common/index.ts';
import { type Cli, Keyboard, NOW_MS, withCli } from './cli-harness.ts';

/** Puts one value after the other under a name. */
async function putAll(cli: Cli, name: string, values: readonly string[]): Promise<void> {
  for (const value of values) {
    assert.equal((await cli(['put', name, '-'], { stdin: value })).code, 0);
  }
}

test('history lists the versions of a secret, newest first, and which one a rollback goes to', async () => {
  await withCli({}, async ({ cli }) => {
    await putAll(cli, 'db', ['a', 'bb', 'c'.repeat(1_500)]);
    assert.deepEqual(await cli(['history', 'DB']), {
      code: 0,
      stdout: [
        'VERSION   CREATED              SIZE    STATUS',
        '3         About a minute ago   1.5kB   current',
        '2         About a minute ago   2B      previous',
        '1         About a minute ago   1B      older',
        '',
      ].join('\n'),
      stderr: '',
    });
    assert.equal((await cli(['history', 'db', '-q'])).stdout, '3\n2\n1\n');
    const [newest = ''] = (await cli(['history', 'db', '--format', 'json'])).stdout.split('\n');
    assert.deepEqual(JSON.parse(newest), {
      Version: 3,
      CreatedAt: new Date(NOW_MS).toISOString(),
      Size: 1_500,
      Status: 'current',
    });
    const { code, stderr } = await cli(['history', 'nothing']);
    assert.equal(code, 2);
    assert.match(stderr, /^coffer: secret nothing not found\nList the secrets with: docker coffer ls\n$/);
  });
});

test('inspect, ls and history show when a secret is rotated by itself, and nothing of others', async () => {
  await withCli({}, async ({ cli }) => {
    const labels = ['--label', 'coffer.rotate=30d', '--label', 'coffer.generate=hex:32'];
    assert.equal((await cli(['put', 'db', '-', ...labels], { stdin: 'a' })).code, 0);
    const printed = async (...argv: readonly string[]): Promise<string> => (await cli(argv)).stdout;
    assert.match(await printed('inspect', '--pretty', 'db'), /^Next rotation: {2}in 4 weeks$/m);
    const [inspected] = JSON.parse(await printed('inspect', 'db')) as readonly [{ NextRotationAt?: string }];
    assert.equal(inspected.NextRotationAt, new Date(NOW_MS + 30 * 86_400_000).toISOString());
    assert.match(await printed('history', 'db'), /current\nNext rotation: in 4 weeks\n$/);
    await putAll(cli, 'api', ['a']);
    const [heading, api, db] = (await printed('ls')).split('\n');
    assert.match(heading ?? '', / {3}UPDATED +NEXT ROTATION$/);
    assert.match(db ?? '', /^db .* {3}in 4 weeks$/);
    assert.match(api ?? '', /^api .* ago$/);
    assert.doesNotMatch(await printed('ls', '--filter', 'name=api'), /NEXT ROTATION/);
    assert.doesNotMatch(await printed('inspect', '--pretty', 'api'), /Next rotation/);
  });
});

test('put takes no schedule that says nothing that can be, and says why', async () => {
  await withCli({}, async ({ cli }) => {
    const alone = await cli(['put', 'a', '-', '--label', 'coffer.rotate=30d'], { stdin: 'x' });
    assert.deepEqual([alone.code, alone.stdout], [2, '']);
    assert.match(
      alone.stderr,
      /^coffer: label coffer.rotate needs label coffer.generate, which says what .*\nGive both, for example coffer.generate=hex:32\.\n$/,
    );
  });
});

test('rollback makes the last put undone, or goes to the version that is named', async () => {
  await withCli({}, async ({ cli, store }) => {
    await putAll(cli, 'db', ['one', 'two', 'three']);
    const printed = async (...argv: readonly string[]): Promise<string> => (await cli(argv)).stdout;
    assert.equal(await printed('rollback', 'db'), 'db: version 4 is version 2 again\n');
    assert.equal(await printed('rollback', 'db', '1', '--cas', '4'), 'db: version 5 is version 1 again\n');
    assert.deepEqual(JSON.parse(await printed('rollback', 'db', '3', '--format', 'json')), {
      Name: 'db',
      Version: 6,
      From: 3,
      Size: 5,
    });
    assert.equal(
      store
        .readValue(store.byName('db')?.id ?? '', 6)
        .expose()
        .toString(),
      'three',
    );
    for (const [argv, code, says] of [
      [['db', '6'], 2, 'coffer: version 6 of secret db is the current one already\nSee which'],
      [['db', '9'], 2, 'coffer: secret db has no version 9; it has 1, 2, 3, 4, 5, 6\nSee which versions'],
      [['db', '1', '--cas', '2'], 2, 'coffer: secret db is at version 6, not 2'],
      [['db', '0'], 1, 'coffer: '],
      [['db', 'v1'], 1, 'coffer: '],
      [['db', '1', '2'], 1, 'coffer: '],
    ] as const) {
      const refused = await cli(['rollback', ...argv]);
      assert.deepEqual([refused.code, refused.stdout], [code, ''], argv.join(' '));
      assert.ok(refused.stderr.startsWith(says), refused.stderr);
    }
  });
});

test('destroy asks, takes the values away for good, and says so in the history', async () => {
  await withCli({}, async ({ cli, store }) => {
    await putAll(cli, 'db', ['one', 'two', 'three', 'four']);
    const no = await cli(['destroy', 'db', '2'], { stdin: new Keyboard('n\n'), terminal: true });
    assert.deepEqual(
      [no.code, no.stderr],
      [1, 'The value of version 2 of db will be gone for good. Go on? [y/N] coffer: nothing was changed\n'],
    );
    const yes = await cli(['destroy', 'db', '2', '1'], { stdin: new Keyboard('y\n'), terminal: true });
    assert.equal(yes.stdout, 'db: version 2 is destroyed\ndb: version 1 is destroyed\n');
    assert.deepEqual(
      store.byName('db')?.versions.map(({ number }) => number),
      [3, 4],
    );
    assert.equal(
      (await cli(['history', 'db'])).stdout,
      [
        'VERSION   CREATED              SIZE   STATUS',
        '4         About a minute ago   4B     current',
        '3         About a minute ago   5B     previous',
        '2         About a minute ago   3B     destroyed about a minute ago',
        '1         About a minute ago   3B     destroyed about a minute ago',
        '',
      ].join('\n'),
    );
    const [, , gone = ''] = (await cli(['history', 'db', '--format', 'json'])).stdout.split('\n');
    const { DestroyedAt, Status } = JSON.parse(gone) as Record<string, unknown>;
    assert.deepEqual([DestroyedAt, Status], [new Date(NOW_MS).toISOString(), 'destroyed']);
    assert.match((await cli(['inspect', '--pretty', 'db'])).stdout, /\n {2}- 2: +destroyed 2026-01-15T12:00/);
    const current = await cli(['destroy', '--force', 'db', '4']);
    assert.equal(current.code, 2);
    assert.match(
      current.stderr,
      /^coffer: version 4 is the current one of secret db, and is not destroyed\nPut/,
    );
    assert.equal((await cli(['destroy', 'db', '3', '--detach'])).code, 1);
    const json = await cli(['destroy', '--force', 'db', '3', '--format', 'json']);
    assert.deepEqual(JSON.parse(json.stdout), { Name: 'db', Destroyed: [3] });
  });
});

test('prune leaves the newest versions of each secret that is named, and asks before', async () => {
  await withCli({}, async ({ cli, store }) => {
    await putAll(cli, 'a', ['1', '2', '3', '4']);
    await putAll(cli, 'b', ['1']);
    const argv = ['prune', 'a', 'nothing', 'b', '--keep', '2'];
    const no = await cli(argv, { stdin: new Keyboard('\n'), terminal: true });
    assert.deepEqual(
      [no.code, no.stderr],
      [
        1,
        'All but the newest 2 of a, nothing, b will be gone for good. Go on? [y/N] coffer: nothing was changed\n',
      ],
    );
    const done = await cli([...argv, '--force']);
    assert.deepEqual([done.code, done.stdout], [2, 'a: versions 1, 2 removed\nb: nothing to remove\n']);
    assert.match(done.stderr, /^coffer: secret nothing not found/);
    assert.deepEqual(
      store.byName('a')?.versions.map(({ number }) => number),
      [3, 4],
    );
    assert.equal((await cli(['prune', 'a', '--keep', '1'])).stdout, 'a: version 3 removed\n');
    for (const wrong of [['a'], ['a', '--keep', '0'], ['a', '--keep', '11'], ['--keep', '2']]) {
      assert.equal((await cli(['prune', ...wrong])).code, 1, wrong.join(' '));
    }
    const label = await cli(['put', 'a', '-', '--label', 'coffer.keep=ten'], { stdin: 'x' });
    assert.equal(label.code, 2);
    assert.match(label.stderr, /^coffer: label coffer.keep is how many versions are kept, 1 to 10, not .ten/);
  });
});

test('get without --reveal tells what is known of a version, and how its value is shown', async () => {
  await withCli({}, async ({ cli }) => {
    await putAll(cli, 'db', ['one', 'two', 'three']);
    assert.equal((await cli(['destroy', '--force', 'db', '1'])).code, 0);
    assert.equal(
      (await cli(['get', 'DB'])).stdout,
      [
        'Name:       db',
        'Version:    3, current',
        'Created:    About a minute ago',
        'Size:       5B',
        'Value:      coffer get db --version 3 --reveal',
        '',
      ].join('\n'),
    );
    assert.match((await cli(['get', 'db', '--version', '2'])).stdout, /\nVersion: {4}2, previous\n/);
    const gone = await cli(['get', 'db', '--version=1']);
    assert.match(gone.stdout, /\nVersion: {4}1, destroyed\n.*\n.*\nDestroyed: {2}About a minute ago\n$/);
    assert.deepEqual(JSON.parse((await cli(['get', 'db', '--format', 'json'])).stdout), {
      Name: 'db',
      Version: 3,
      CreatedAt: new Date(NOW_MS).toISOString(),
      Size: 5,
      Status: 'current',
    });
    assert.deepEqual(await cli(['get', 'db', '--reveal', '--format', 'json'], { terminal: true }), {
      code: 1,
      stdout: '',
      stderr: 'coffer: a value never stands in JSON\nLeave out --format json, or --reveal.\n',
    });
    const missing = await cli(['get', 'db', '--version', '4']);
    assert.deepEqual([missing.code, missing.stdout], [2, '']);
    assert.equal(
      missing.stderr,
      'coffer: secret db has no version 4\nSee which versions there are: coffer history db\n',
    );
  });
});

test('get --reveal shows a value byte for byte on a terminal and in a file, and never in a pipe', async () => {
  await withCli({}, async ({ cli, directory }) => {
    const value = Buffer.from([0, 255, 10, 104, 117, 110, 116, 101, 114, 50]);
    await cli(['put', 'db', '-'], { stdin: value });
    await cli(['put', 'db', '-'], { stdin: 'second' });
    const argv = ['get', 'db', '--reveal'];
    assert.deepEqual(await cli(argv, { terminal: true }), { code: 0, stdout: 'second', stderr: '' });
    assert.deepEqual(await cli(argv, { stdoutIsFile: true }), { code: 0, stdout: 'second', stderr: '' });
    assert.deepEqual(await cli(argv), {
      code: 1,
      stdout: '',
      stderr:
        'coffer: a value is not written into a pipe, behind which it may end in a log\n' +
        'Write it into a file with --output PATH, or type the command at a terminal.\n',
    });
    const file = path.join(directory, 'value');
    const older = [...argv, '--version', '1', '-o', file];
    assert.equal((await cli(older)).stdout, `db: version 1, 10B, is in ${file}\n`);
    assert.deepEqual(readFileSync(file), value);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    writeFileSync(file, 'another');
    const there = await cli(older);
    assert.deepEqual([there.code, there.stdout], [1, '']);
    assert.match(there.stderr, /is there already/);
    assert.equal(readFileSync(file, 'utf8'), 'another');
    assert.equal((await cli([...older, '--force'])).code, 0);
    assert.deepEqual(readFileSync(file), value);
  });
});

test('get shows nothing of what is not there, and asks for no value that it cannot write', async () => {
  const logged: string[] = [];
  const info = (sentence: string): void => void logged.push(sentence);
  await withCli({ logger: { ...silentLogger, info } }, async ({ cli, directory }) => {
    await putAll(cli, 'db', ['one', 'two', 'three']);
    await cli(['destroy', '--force', 'db', '1']);
    mkdirSync(path.join(directory, 'sub'));
    for (const [argv, code, says] of [
      [['db', '--version', '1', '--reveal'], 2, /^coffer: version 1 of secret db was destroyed\nSee which/],
      [['db', '--version', '9', '--reveal'], 2, /^coffer: secret db has no version 9; it has 2, 3\n/],
      [['nothing', '--reveal'], 2, /^coffer: secret nothing not found\n/],
      [['db', '-o', 'x'], 1, /^coffer: --output goes with --reveal\n/],
      [['db', '--reveal', '--force'], 1, /^coffer: --force goes with --output\n/],
      [['db', '--reveal', '-o', path.join(directory, 'sub')], 1, /is not a file\n/],
      [['db', '--reveal', '-o', path.join(directory, 'none', 'x')], 1, /no directory for it\n/],
      [['db', '--version', 'v1', '--reveal'], 1, /^coffer: /],
    ] as const) {
      const refused = await cli(['get', ...argv], { terminal: true });
      assert.deepEqual([refused.code, refused.stdout], [code, ''], argv.join(' '));
      assert.match(refused.stderr, says);
    }
    assert.deepEqual(
      logged.filter((sentence) => sentence === 'revealed a value'),
      [],
    );
  });
});
