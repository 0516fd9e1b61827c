// SPDX-License-Identifier: Apache-2.0
// seal, reseal and sealing-key, against a real control server.
import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { activeSealingKey } from '../../../src/membership/index.ts';
import { openSealed, parseSealed, type SealedScope } from '../../../src/sealing/index.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { addSealingKey, sealedFor } from '../../support/sealed-values.ts';
import { Keyboard, NOW_MS, runCli, withCli } from './cli-harness.ts';

const SHOP = { name: 'shop_db', stack: 'shop' };

function opened(store: MemoryStore, text: string, scope: SealedScope): string {
  return openSealed(store.cluster, text, scope).expose().toString();
}

test('sealing-key makes the first key when it is asked for, and shows it', async () => {
  await withCli({}, async ({ cli, store }) => {
    const { code, stdout } = await cli(['sealing-key']);
    const key = activeSealingKey(store.cluster);
    assert.equal(code, 0);
    const [id, digest, made, older] = stdout.split('\n');
    assert.equal(id, `ID:       ${key?.id}`);
    assert.match(digest ?? '', new RegExp(`^Digest:   sha256:${key?.id}[0-9a-f]{48}$`));
    assert.deepEqual([made, older], ['Made:     About a minute ago', 'Older:    none']);
    assert.deepEqual([key?.clusterId, key?.madeAt_ms], ['c'.repeat(25), NOW_MS]);
    assert.equal((await cli(['sealing-key'])).stdout, stdout, 'the same from then on');
    assert.ok(!stdout.includes(key?.secretKey.toString('hex') ?? ''));
  });
});

test('sealing-key --rotate puts a new key in the place of the old one, which is kept until it is forgotten', async () => {
  await withCli({}, async ({ cli, store }) => {
    const old = await addSealingKey(store);
    const { stdout } = await cli(['sealing-key', '--rotate']);
    assert.match(
      stdout,
      new RegExp(`\\nOlder: +1 key, kept for opening\\n +${old.id}, made \\d+ years ago\\n$`),
    );
    assert.notEqual(activeSealingKey(store.cluster)?.id, old.id);
    const json = JSON.parse((await cli(['sealing-key', '--format', 'json'])).stdout) as {
      readonly ID: string;
      readonly Older: unknown;
    };
    assert.equal(json.ID, activeSealingKey(store.cluster)?.id);
    assert.deepEqual(json.Older, [
      { ID: old.id, MadeAt: '1970-01-01T00:00:01.000Z', ClusterID: 'c'.repeat(25) },
    ]);
    const kept = await cli(['sealing-key', '--forget', old.id], { stdin: new Keyboard('no\n') });
    assert.deepEqual([kept.code, kept.stdout], [1, '']);
    assert.match(kept.stderr, /^What is still sealed to key [0-9a-f]{16} will not open any more\. Go on\?/);
    const active = await cli(['sealing-key', '--forget', json.ID]);
    assert.equal(active.code, 2);
    assert.match(active.stderr, /is the active one, which stays\nPut another one in its place first/);
    assert.match((await cli(['sealing-key', '--forget', old.id])).stdout, /\nOlder: +none\n$/);
    assert.match((await cli(['sealing-key', '--forget', old.id])).stderr, /^coffer: there is no sealing key/);
  });
});

test('a value is sealed with the certificate alone, and opens in the cluster for its secret only', async () => {
  await withCli({}, async ({ cli, directory, store }) => {
    const file = path.join(directory, 'sealing.pem');
    writeFileSync(file, (await cli(['sealing-key', '--certificate'])).stdout);
    // No daemon is known to this one.
    const offline = await runCli(
      ['seal', '--name', 'db', '--stack', 'shop', '--cert', file, '-'],
      directory,
      {
        stdin: 'hunter2',
      },
    );
    assert.deepEqual([offline.code, offline.stderr], [0, '']);
    assert.match(offline.stdout, /^coffer-sealed-1\.[\w-]+\n$/);
    assert.equal(opened(store, offline.stdout.trim(), SHOP), 'hunter2');
    const asked = await cli(['seal', '--engine-name', 'the-db', '--stack', 'shop', '-', '--format', 'json'], {
      stdin: 'hunter2',
    });
    const { Sealed, ...rest } = JSON.parse(asked.stdout) as { readonly Sealed: string };
    assert.equal(opened(store, Sealed, { name: 'the-db', stack: 'shop' }), 'hunter2');
    assert.deepEqual(rest, { Name: 'the-db', Stack: 'shop', KeyID: activeSealingKey(store.cluster)?.id });
    const value = path.join(directory, 'value');
    writeFileSync(value, Buffer.from([0, 255, 10]));
    const free = await cli(['seal', '--name', 'db', value]);
    assert.equal(
      openSealed(store.cluster, free.stdout.trim(), { name: 'db', stack: '' }).expose().toString('hex'),
      '00ff0a',
    );
  });
});

test('seal says what is wrong with what was typed, and never a value', async () => {
  await withCli({}, async ({ cli, directory }) => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['-'], /^coffer: which secret the value is for is not said\nSay it: coffer seal --name NAME --stack/],
      [['--name', 'a b', '-'], /^coffer: the engine takes no secret named "a b"/],
      [['--name', 'db', '--stack', 'my shop', '-'], /^coffer: "my shop" is no name for a stack with secrets/],
      [['--name', 'db', '--engine-name', 'x', '-'], /cannot be used with option/],
      [
        ['--name', 'db', '--cert', path.join(directory, 'none'), '-'],
        /^coffer: the certificate in .* cannot be read \(ENOENT\)\nOn a manager: coffer sealing-key --certificate >/,
      ],
      [
        ['--name', 'db', 'hunter2'],
        /^coffer: what stands after db is not a file; .*\nUse: .* seal --name db -/,
      ],
      [['--name', 'db'], /^coffer: no value is given\n.*coffer seal --name db -/],
    ];
    for (const [words, sentence] of cases) {
      const { code, stderr, stdout } = await cli(['seal', ...words], { stdin: 'hunter2' });
      assert.deepEqual([code, stdout], [1, ''], words.join(' '));
      assert.match(stderr, sentence);
      assert.ok(!stderr.includes('hunter2'));
    }
    const doubled = await cli(['seal', '--name', 'shop_db', '--stack', 'shop', '-'], { stdin: 'x' });
    assert.match(
      doubled.stderr,
      /^WARNING: it is sealed for .* calls shop_shop_db; if it calls it shop_db, use/,
    );
  });
});

/** As a stack file may be: with other bytes than text has, line ends of all kinds, and a value twice. */
function stackFile(...labels: readonly string[]): Buffer {
  const [first = '', second = ''] = labels;
  return Buffer.concat([
    Buffer.from(`secrets:\r\n  db:\r\n    labels: { coffer.sealed: "${first}" }\n`),
    Buffer.from([0xff, 0xfe, 0x00, 0xe9]),
    Buffer.from(`  again: ${first}\t# and\r  api: '${second}'`),
  ]);
}

test('reseal puts what was sealed to an older key under the active one, and changes nothing else in the file', async () => {
  await withCli({}, async ({ cli, directory, store }) => {
    const old = await addSealingKey(store);
    const before = sealedFor(old, SHOP, 'hunter2');
    const key = await addSealingKey(store, 2_000);
    const current = sealedFor(key, 'api', 'token');
    const file = path.join(directory, 'stack.yml');
    const link = path.join(directory, 'link.yml');
    writeFileSync(file, stackFile(before, current));
    chmodSync(file, 0o640);
    symlinkSync(file, link);
    const dry = await cli(['reseal', '--dry-run', file]);
    assert.equal(dry.stdout, `${file}: 2 values to be sealed anew, 1 value under the active key already\n`);
    assert.deepEqual(readFileSync(file), stackFile(before, current));
    const { code, stderr, stdout } = await cli(['reseal', link, '--format', 'json']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(JSON.parse(stdout), { File: link, Resealed: 2, Unchanged: 1, Failures: [] });
    const [after = ''] = /coffer-sealed-1\.[\w-]+/.exec(readFileSync(file, 'latin1')) ?? [];
    assert.deepEqual(readFileSync(file), stackFile(after, current));
    assert.equal(parseSealed(after).keyId, key.id);
    assert.equal(opened(store, after, SHOP), 'hunter2');
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.equal(statSync(file).mode & 0o777, 0o640);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes('partial')),
      [],
    );
    assert.equal((await cli(['reseal', file])).stdout, `${file}: 3 values under the active key already\n`);
    const piped = await cli(['reseal', '-'], { stdin: `x ${before} y` });
    assert.equal(opened(store, piped.stdout.slice(2, -2), SHOP), 'hunter2');
    assert.ok(piped.stdout.startsWith('x ') && piped.stdout.endsWith(' y') && piped.stderr === '');
  });
});

test('reseal leaves what does not open as it is, says where it stands, and ends as failed', async () => {
  await withCli({}, async ({ cli, directory, store }) => {
    const old = await addSealingKey(store);
    await addSealingKey(store, 2_000);
    const good = sealedFor(old, SHOP, 'hunter2');
    const bad = `${good.slice(0, -8)}AAAAAAAA`;
    const file = path.join(directory, 'stack.yml');
    writeFileSync(file, `a: ${bad}\nb: ${good}\nc: coffer-sealed-1.x\n`);
    const { code, stderr, stdout } = await cli(['reseal', file]);
    assert.equal(code, 2);
    assert.equal(stdout, `${file}: 1 value sealed anew, 2 values left alone\n`);
    assert.match(stderr, /stack\.yml, line 1: the sealed value is cut short or was altered/);
    assert.match(stderr, /stack\.yml, line 3: the sealed value is cut short or was altered/);
    assert.ok(readFileSync(file, 'utf8').startsWith(`a: ${bad}\nb: coffer-sealed-1.`));
    const none = path.join(directory, 'none.yml');
    writeFileSync(none, 'services: {}\n');
    assert.equal((await cli(['reseal', none])).stdout, `${none}: no sealed values\n`);
    for (const words of [
      [path.join(directory, 'missing.yml')],
      [directory],
      ['-', file],
      ['-', '--format', 'json'],
    ]) {
      const wrong = await cli(['reseal', ...words]);
      assert.deepEqual([wrong.code, wrong.stdout], [1, ''], words.join(' '));
    }
  });
});
