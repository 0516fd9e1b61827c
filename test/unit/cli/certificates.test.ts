// SPDX-License-Identifier: Apache-2.0
// Certificates from the command line: made, shown, renewed, and their CA.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { RotationObject } from '../../../src/membership/index.ts';
import type { RotationWish } from '../../../src/rotation/index.ts';
import { aRotation } from '../../support/cluster-objects.ts';
import { type CliHarness, NOW_MS, withCli } from './cli-harness.ts';

const MAKE = ['cert', 'web-tls', '--cn', 'web', '--san', 'web.example', '--san', '10.0.0.7', '--ttl', '10d'];

test('cert makes a certificate with its labels, and inspect tells what it says and until when', async () => {
  await withCli({}, async ({ cli, store }) => {
    assert.match((await cli(MAKE)).stdout, /^web-tls: version 1, \d+(\.\d+)?k?B\n$/);
    assert.deepEqual(store.byName('web-tls')?.labels, {
      'coffer.cert.cn': 'web',
      'coffer.cert.sans': 'web.example,10.0.0.7',
      'coffer.cert.ttl': '10d',
    });
    const { stdout } = await cli(['inspect', '--pretty', 'web-tls']);
    assert.match(stdout, /^Certificate: +for DNS:web, DNS:web.example, IP Address:10.0.0.7$/m);
    assert.match(stdout, /^Valid until: +2026-01-25T12:00:00.000Z, expires in 9 days$/m);
    assert.match(stdout, /^Next rotation: +in [5-7] days$/m);
    const [json] = JSON.parse((await cli(['inspect', 'web-tls', '--format', 'json'])).stdout) as [
      { readonly Certificate: Readonly<Record<string, string>> },
    ];
    assert.equal(json.Certificate['Subject'], 'web');
    assert.equal(json.Certificate['NotAfter'], '2026-01-25T12:00:00.000Z');
    assert.match((await cli(['ls'])).stdout, /web-tls .* generated|web-tls .* control/);
    assert.equal((await cli([...MAKE, '--no-clobber'])).stdout, 'web-tls: is there, kept at version 1\n');
    assert.match((await cli([...MAKE, '--format', 'json'])).stdout, /"Version":2,/);
  });
});

test('cert refuses what cannot stand in a certificate, before anything is asked of the daemon', async () => {
  await withCli({}, async ({ cli, store }) => {
    for (const [words, why] of [
      [['cert', 'a'], /required option '--cn <name>'/],
      [['cert', 'a', '--cn', 'CN=x,O=y'], /label coffer.cert.cn is a DNS name/],
      [['cert', 'a', '--cn', 'a', '--san', 'a@example.com'], /"a@example.com" is neither/],
      [['cert', 'a', '--cn', 'a', '--ttl', '2y'], /1h to 397d, not "2y"/],
      [['cert', 'a', '--cn', 'a', '--usage', 'both'], /is server, client or server,client/],
      [['cert', 'coffer.workload-ca', '--cn', 'a'], /is the CA for workloads/],
      [['cert-ca', '--rotate', '--finish'], /cannot be used with/],
    ] as const) {
      const { code, stderr } = await cli(words);
      assert.match(stderr, why);
      assert.ok(code > 0);
    }
    assert.equal(store.byName('a'), undefined);
  });
});

test('rotate makes a certificate anew without asking for a value', async () => {
  let harness: CliHarness | undefined;
  const rotate = async (wish: Parameters<Rotate>[0]): Promise<RotationObject> => {
    const { expect, secret, timeout_ms, value } = wish;
    const at_ms = NOW_MS;
    await harness?.store.propose({
      kind: 'rotate',
      id: secret.id,
      rotationId: 'r1',
      expect,
      services: [],
      timeout_ms,
      value,
      at_ms,
    });
    return aRotation('r1', { phase: 'done', services: [], endedAt_ms: at_ms, secretName: secret.name });
  };
  await withCli({ rotate }, async (made) => {
    harness = made;
    const { cli, store } = made;
    await cli(MAKE);
    const before = await leafOf(harness);
    assert.equal((await cli(['rotate', 'web-tls'])).code, 0);
    assert.equal(store.byName('web-tls')?.versions.length, 2);
    const after = await leafOf(harness);
    assert.notEqual(after.serialNumber, before.serialNumber);
    assert.equal(after.subjectAltName, before.subjectAltName);
    const { code, stderr } = await cli(['rotate', 'coffer.workload-ca', '-'], { stdin: 'mine' });
    assert.deepEqual([code, store.byName('coffer.workload-ca')?.versions.length], [2, 1]);
    assert.match(stderr, /is the CA for workloads, which nobody is given or replaces\nPrint its certificate/);
  });
});

test('the CA is shown and printed, never its key, and rotated on demand', async () => {
  await withCli({}, async (harness) => {
    const { cli } = harness;
    const none = await cli(['cert-ca']);
    assert.deepEqual(
      [none.code, none.stderr.split('\n')[0]],
      [2, 'coffer: there is no CA for workloads yet'],
    );
    await cli(MAKE);
    assert.match(
      (await cli(['cert-ca'])).stdout,
      /^Digest: +sha256:[0-9a-f]{64}\nValid until: +2046-01-10T12:00:00.000Z, expires in 19 years\n$/,
    );
    const printed = (await cli(['cert-ca', '--certificate'])).stdout;
    assert.equal(printed.match(/-----BEGIN/g)?.length, 1);
    assert.ok((await leafOf(harness)).checkIssued(new X509Certificate(printed)));
    for (const words of [
      ['get', 'coffer.workload-ca', '--reveal', '--output', path.join(harness.directory, 'ca')],
      ['put', 'coffer.workload-ca', '-'],
      ['put', 'coffer.workload-ca', '--generate', 'hex:32'],
    ]) {
      const { code, stderr, stdout } = await cli(words, { stdin: 'x' });
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, /is the CA for workloads/);
    }
    const rotated = (await cli(['cert-ca', '--rotate', '--yes'])).stdout;
    assert.match(
      rotated,
      /Root before: +sha256:[0-9a-f]{64}\nTrusted until: +2026-01-25T12:00:00.000Z, expires in 9 days\n$/,
    );
    assert.equal((await cli(['cert-ca', '--certificate'])).stdout.match(/-----BEGIN/g)?.length, 2);
    assert.ok((await cli(['cert-ca', '--format', 'json'])).stdout.includes('"Previous":{"Digest":'));
    const again = await cli(['cert-ca', '--rotate', '--yes']);
    assert.deepEqual(
      [again.code, again.stderr.split('\n')[0]],
      [2, 'coffer: certificates of the root before this one are still in use'],
    );
    assert.doesNotMatch((await cli(['cert-ca', '--finish', '--yes'])).stdout, /Root before/);
  });
});

type Rotate = (wish: RotationWish) => Promise<RotationObject>;

async function leafOf({ cli, directory }: Pick<CliHarness, 'cli' | 'directory'>): Promise<X509Certificate> {
  const file = path.join(directory, 'web.pem');
  assert.equal((await cli(['get', 'web-tls', '--reveal', '--force', '--output', file])).code, 0);
  const text = readFileSync(file, 'latin1');
  return new X509Certificate(text.slice(text.indexOf('-----BEGIN CERTIFICATE')));
}
