// SPDX-License-Identifier: Apache-2.0
// Tasks whose secrets are certificates: as the engine asks for them, and what it is told instead.
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { issueCertificate } from '../../../src/certificates/index.ts';
import { CofferError } from '../../../src/common/index.ts';
import { certificateWish } from '../../../src/secrets/index.ts';
import { type Answer, type PluginHarness, textOf, withPlugin } from './plugin-harness.ts';

const LABELS = {
  'coffer.cert.cn': 'web',
  'coffer.cert.sans': 'web.example,10.0.0.1',
  'coffer.cert.ttl': '7d',
};

function ask(
  { getSecret }: Pick<PluginHarness, 'getSecret'>,
  name: string,
  labels: Readonly<Record<string, string>>,
  task = 'task1',
): Promise<Answer> {
  return getSecret({ SecretName: name, SecretLabels: labels, ServiceName: 'web', TaskID: task });
}

describe('a task whose secret is a certificate', () => {
  test('gets one that is made at the first use, and every task of the secret gets the same', async () => {
    await withPlugin(async (plugin) => {
      const [first, ...others] = await Promise.all(
        ['a', 'b', 'c', 'a'].map((task) => ask(plugin, 'web-tls', LABELS, task)),
      );
      const text = textOf(first ?? {});
      assert.match(text, /^-----BEGIN PRIVATE KEY-----/);
      const leaf = new X509Certificate(text.slice(text.indexOf('-----BEGIN CERTIFICATE')));
      assert.equal(leaf.subjectAltName, 'DNS:web, DNS:web.example, IP Address:10.0.0.1');
      others.forEach((other) => assert.equal(textOf(other), text));
      const secret = plugin.store.byName('web-tls');
      assert.deepEqual(secret?.labels, LABELS);
      assert.deepEqual([secret?.origin, secret?.versions.length], ['generated', 1]);
      assert.ok(!plugin.logged().includes('PRIVATE KEY'));
    });
  });

  test('gets the parts of one certificate from secrets that name it', async () => {
    await withPlugin(async (plugin) => {
      const part = (name: string): Promise<Answer> =>
        ask(plugin, `web-${name}`, { ...LABELS, 'coffer.name': 'web-tls', 'coffer.cert.part': name });
      const [key, cert, ca, bundle] = [
        await part('key'),
        await part('cert'),
        await part('ca'),
        await part('bundle'),
      ];
      assert.equal(textOf(bundle), textOf(key) + textOf(cert) + textOf(ca));
      assert.equal(plugin.store.list().length, 2, 'the certificate and its CA');
    });
  });

  test('gets parts that belong together, also while a new version comes between its questions', async () => {
    await withPlugin(async (plugin) => {
      const labels = { ...LABELS, 'coffer.name': 'web-tls' };
      const part = async (name: string, task: string): Promise<string> =>
        textOf(await ask(plugin, `web-${name}`, { ...labels, 'coffer.cert.part': name }, task));
      const cert = await part('cert', 'early');
      const wish = certificateWish(LABELS);
      assert.ok(wish);
      const value = await issueCertificate(plugin.store, wish, 1);
      await plugin.put('web-tls', value.expose());
      const key = await part('key', 'early');
      assert.ok(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)));
      const later = [await part('cert', 'late'), await part('key', 'late')] as const;
      assert.notEqual(later[0], cert);
      assert.ok(new X509Certificate(later[0]).checkPrivateKey(createPrivateKey(later[1])));
    });
  });

  test('is refused with what is wrong, and no certificate is made', async () => {
    await withPlugin(async (plugin) => {
      await plugin.put('password', 'abc');
      for (const [name, labels, why] of [
        ['web-tls', { 'coffer.cert.sans': 'web' }, /secret.label-invalid.*needs label coffer.cert.cn/],
        [
          'web-tls',
          { 'coffer.cert.cn': 'CN=x,O=y' },
          /secret.label-invalid.*label coffer.cert.cn is a DNS name/,
        ],
        ['web-tls', { 'coffer.cert.cn': '' }, /secret.label-invalid.*label coffer.cert.cn/],
        [
          'web-tls',
          { ...LABELS, 'coffer.cert.part': 'pem' },
          /secret.label-invalid.*coffer.cert.part is one of/,
        ],
        ['web-tls', { 'coffer.cert.part': 'key' }, /secret.not-found/],
        ['password', { 'coffer.cert.part': 'key' }, /secret.label-invalid.*for certificates of coffer/],
        ['a b', LABELS, /secret.name-invalid/],
      ] as const) {
        assert.match((await ask(plugin, name, labels)).Err ?? '', why);
      }
      assert.deepEqual(
        plugin.store.list().map(({ name }) => name),
        ['password'],
      );
      assert.equal(plugin.refusals.list().length, 7);
    });
  });

  test('is never given the CA itself, by whichever name it is asked for', async () => {
    await withPlugin(async (plugin) => {
      assert.ok((await ask(plugin, 'web-tls', LABELS)).Value);
      for (const [name, labels] of [
        ['coffer.workload-ca', {}],
        ['Coffer.Workload-CA', {}],
        ['other', { 'coffer.name': 'coffer.workload-ca' }],
        ['other', { 'coffer.name': 'COFFER.workload-ca', 'coffer.version': '1' }],
        ['other', { 'coffer.name': 'coffer.workload-ca', 'coffer.generate': 'hex:32' }],
        ['other', { 'coffer.name': 'coffer.workload-ca', 'coffer.cert.cn': 'x' }],
      ] as const) {
        assert.match((await ask(plugin, name, labels)).Err ?? '', /secret.reserved/);
      }
      assert.equal(plugin.store.byName('coffer.workload-ca')?.versions.length, 1);
    });
  });

  test('keeps its certificate while nothing can be stored, and is told where a new one cannot be', async () => {
    await withPlugin(async (plugin) => {
      const before = await ask(plugin, 'web-tls', LABELS);
      plugin.store.proposeError = new CofferError('store.timeout', 'no majority');
      assert.equal(textOf(await ask(plugin, 'web-tls', LABELS, 'task2')), textOf(before));
      assert.match((await ask(plugin, 'other-tls', LABELS)).Err ?? '', /store.timeout/);
    });
  });
});
