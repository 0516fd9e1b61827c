// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { Keyboard, withCli } from './cli-harness.ts';

const VALUE_BYTES_MAX = 511_999;

function valueOf(store: MemoryStore, name: string): Buffer {
  const secret = store.byName(name);
  const version = secret?.versions.at(-1)?.number ?? 0;
  return store.readValue(secret?.id ?? '', version).expose();
}

test('put takes a value byte for byte from a pipe or a file', async () => {
  await withCli({}, async ({ cli, store, directory }) => {
    const value = Buffer.from([0, 1, 255, 10]);
    const piped = await cli(['put', 'piped', '-'], { stdin: value });
    assert.deepEqual(piped, { code: 0, stdout: 'piped: version 1, 4B\n', stderr: '' });
    assert.deepEqual(valueOf(store, 'piped'), value);
    const file = path.join(directory, 'value');
    writeFileSync(file, value);
    assert.equal((await cli(['put', 'filed', file, '--label', 'a=b=c', '--label', 'k'])).code, 0);
    assert.deepEqual(valueOf(store, 'filed'), value);
    assert.deepEqual(store.byName('filed')?.labels, { a: 'b=c', k: '' });
    const json = await cli(['put', 'filed', file, '--format', 'json']);
    assert.deepEqual(JSON.parse(json.stdout), { Name: 'filed', Version: 2, Size: 4, Changed: true });
    assert.deepEqual(store.byName('filed')?.labels, { a: 'b=c', k: '' });
  });
});

test('put asks for the value twice at a terminal and never shows it', async () => {
  await withCli({}, async ({ cli, store }) => {
    const stdin = new Keyboard('wrong\u0015hunt', 'er3\u007f2\r', 'hunteré\u007f2\r');
    const { code, stdout, stderr } = await cli(['put', 'db'], { stdin, terminal: true });
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'db: version 1, 7B\n' });
    assert.equal(stderr, 'Value of db: \nThe same again: \n');
    assert.equal(valueOf(store, 'db').toString(), 'hunter2');
    assert.deepEqual(stdin.rawModes, [true, false]);
  });
});

test('put stores nothing when the prompt is answered badly', async () => {
  const cases = [
    { keys: ['one\rtwo\r'], code: 1, says: /not the same/ },
    { keys: ['\r\r'], code: 1, says: /empty/ },
    { keys: ['abc\u0003'], code: 2, says: /interrupted; nothing was stored/ },
    { keys: ['\u0004'], code: 2, says: /interrupted/ },
    { keys: ['x'.repeat(VALUE_BYTES_MAX + 1), '\r'], code: 1, says: /1 to 511999 bytes/ },
  ];
  await withCli({}, async ({ cli, store }) => {
    for (const { keys, code, says } of cases) {
      const stdin = new Keyboard(...keys);
      const result = await cli(['put', 'db'], { stdin });
      assert.equal(result.code, code, String(says));
      assert.match(result.stderr, says);
      assert.deepEqual(stdin.rawModes, [true, false]);
    }
    assert.equal(store.list().length, 0);
  });
});

test('put checks the size before it sends, in one sentence', async () => {
  await withCli({}, async ({ cli, store, directory }) => {
    const largest = await cli(['put', 'largest', '-'], { stdin: Buffer.alloc(VALUE_BYTES_MAX, 1) });
    assert.equal(largest.code, 0);
    const over = await cli(['put', 'over', '-'], { stdin: Buffer.alloc(VALUE_BYTES_MAX + 1) });
    assert.deepEqual(over, {
      code: 1,
      stdout: '',
      stderr: 'coffer: standard input is too long; a value has 1 to 511999 bytes\n',
    });
    const file = path.join(directory, 'empty');
    writeFileSync(file, '');
    const empty = await cli(['put', 'empty', file]);
    assert.deepEqual(empty, {
      code: 1,
      stdout: '',
      stderr: 'coffer: the file is empty; a value has 1 to 511999 bytes\n',
    });
    assert.equal(store.list().length, 1);
  });
});

test('a value is never taken from the arguments, and never repeated', async () => {
  await withCli({}, async ({ cli, store, directory }) => {
    const attempts = [
      ['put', 'db', 'hunter2'],
      ['put', 'db', 'hunter2\0'],
      ['put', 'db', 'hunter2'.repeat(10_000)],
      ['put', 'db', '--value=hunter2'],
      ['put', 'db=hunter2'],
      ['put', 'db', '-', 'hunter2'],
    ];
    for (const attempt of attempts) {
      const { code, stdout, stderr } = await cli(attempt, { stdin: 'x' });
      assert.equal(code, 1, attempt.join(' ').slice(0, 40));
      assert.ok(stderr.startsWith('coffer: '), stderr);
      assert.ok(!`${stdout}${stderr}`.includes('hunter2'), stderr);
    }
    const { stderr } = await cli(['put', 'db', 'hunter2']);
    assert.match(stderr, /never taken from the command line[^]*printf %s "\$VALUE" \| coffer put db -/);
    const folder = path.join(directory, 'folder');
    mkdirSync(folder);
    assert.match((await cli(['put', 'db', folder])).stderr, /directory/);
    assert.match((await cli(['put', 'db'])).stderr, /no value is given/);
    assert.equal(store.list().length, 0);
  });
});

test('put replaces only what it is allowed to replace', async () => {
  await withCli({}, async ({ cli, store }) => {
    const put = (stdin: string, ...options: readonly string[]) =>
      cli(['put', 's', '-', ...options], { stdin });
    assert.equal((await put('one', '--cas', '0')).code, 0);
    const conflict = await put('x', '--cas', '4');
    assert.equal(conflict.code, 2);
    assert.match(conflict.stderr, /^coffer: secret s is at version 1, not 4\n/);
    assert.equal((await put('two', '--cas', '1')).stdout, 's: version 2, 3B\n');
    assert.equal((await put('x', '--no-clobber')).stdout, 's: is there, kept at version 2\n');
    assert.equal(valueOf(store, 's').toString(), 'two');
    assert.equal((await put('x', '--cas', 'two')).code, 1);
    assert.equal((await put('x', '--cas', '2', '--no-clobber')).code, 1);
  });
});

test('put lets the daemon make the value', async () => {
  await withCli({}, async ({ cli, store }) => {
    assert.equal((await cli(['put', 'g', '--generate', 'hex:8'])).stdout, 'g: version 1, 16B\n');
    assert.match(valueOf(store, 'g').toString(), /^[0-9a-f]{16}$/);
    const bad = await cli(['put', 'g', '--generate', 'rot13']);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /Use hex:32, base64:32, password:24 or uuid/);
    assert.equal((await cli(['put', 'g', '-', '--generate', 'hex:8'])).code, 1);
  });
});

test('what the daemon refuses is told with its hint and exit code 2', async () => {
  await withCli({}, async ({ cli, store }) => {
    store.proposeError = new CofferError('store.disk-full', 'the disk is full', { hint: 'Make room.' });
    assert.deepEqual(await cli(['put', 's', '-'], { stdin: 'x' }), {
      code: 2,
      stdout: '',
      stderr: 'coffer: the disk is full\nMake room.\n',
    });
  });
});

test('put says of a label of coffer’s that it has no effect there: misspelt, or for something else', async () => {
  await withCli({}, async ({ cli, store }) => {
    const labels = ['coffer.expire=90d', 'coffer.version=2', 'coffer.keep=3', 'env=prod'];
    const { code, stderr } = await cli(['put', 'db', '-', ...labels.flatMap((label) => ['--label', label])], {
      stdin: 'x',
    });
    assert.equal(code, 0);
    assert.equal(
      stderr,
      'WARNING: label coffer.expire has no effect on a secret in coffer: coffer knows no such label\n' +
        "WARNING: label coffer.version has no effect on a secret in coffer: it is for one of the engine's secrets, or for a container\n",
    );
    assert.equal(Object.keys(store.byName('db')?.labels ?? {}).length, 4);
  });
});
