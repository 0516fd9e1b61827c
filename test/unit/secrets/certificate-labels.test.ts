// SPDX-License-Identifier: Apache-2.0
// The labels of a certificate: what they say, and that nothing hostile gets past them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError, SecretValue } from '../../../src/common/index.ts';
import {
  certificatePart,
  certificateWish,
  checkCommand,
  type Labels,
  newSecretId,
  type Origin,
  storedCertificateLabels,
  storedCertificateWish,
} from '../../../src/secrets/index.ts';

const DAY_MS = 86_400_000;

const cn = (name: string, more: Labels = {}): Labels => ({ 'coffer.cert.cn': name, ...more });
const sans = (text: string): Labels => cn('web', { 'coffer.cert.sans': text });
const names = (labels: Labels): readonly string[] =>
  (certificateWish(labels)?.alternatives ?? []).map((each) =>
    each.kind === 'dns' ? each.name : each.address,
  );

function put(labels: Labels, name = 'web', origin: Origin = 'control'): void {
  const value = SecretValue.copyOf(Buffer.from('x'));
  checkCommand({ kind: 'put', id: newSecretId(), name, labels, origin, expect: 'always', value, at_ms: 1 });
}

function refusedFor(why: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof CofferError && error.code === 'secret.label-invalid' && why.test(error.detail);
}

describe('the labels of a certificate', () => {
  test('need no more than a name: for server and client, for 30 days', () => {
    assert.deepEqual(certificateWish(cn('web')), {
      commonName: 'web',
      alternatives: [{ kind: 'dns', name: 'web' }],
      usages: ['server', 'client'],
      lifetime_ms: 30 * DAY_MS,
    });
    assert.equal(certificateWish({ 'coffer.generate': 'hex:32', other: 'x' }), undefined);
  });

  test('name each name and address once, in lower case, the common name first', () => {
    assert.deepEqual(
      names(cn('Web', { 'coffer.cert.sans': 'web,a.example, *.b.example,10.0.0.1,FD00::1,A.example' })),
      ['web', 'a.example', '*.b.example', '10.0.0.1', 'fd00::1'],
    );
    assert.deepEqual(names(cn('shop_web')), ['shop_web'], 'as the services of stacks are called');
    assert.deepEqual(names(cn('10.0.0.1')), ['10.0.0.1']);
    assert.deepEqual(names(cn('billing client')), [], 'words are no name of a host');
    assert.equal(names(sans(Array.from({ length: 100 }, (_, at) => `h${at}`).join(','))).length, 101);
  });

  test('say how long it lives, and for what', () => {
    const wish = certificateWish(cn('web', { 'coffer.cert.ttl': '397d', 'coffer.cert.usage': 'client' }));
    assert.equal(wish?.lifetime_ms, 397 * DAY_MS);
    assert.deepEqual(wish?.usages, ['client']);
    assert.deepEqual(certificateWish(cn('w', { 'coffer.cert.usage': 'client,server' }))?.usages, [
      'server',
      'client',
    ]);
  });

  for (const [what, wrong, why] of [
    ['no name', { 'coffer.cert.sans': 'a' }, /^label coffer.cert.sans needs label coffer.cert.cn/],
    ['an empty name', cn(''), /^label coffer.cert.cn is a DNS name.*not ""$/],
    ['another attribute in the name', cn('CN=x,O=y'), /not "CN=x,O=y"$/],
    ['a slash in the name', cn('x/O=y'), /label coffer.cert.cn/],
    ['a plus in the name', cn('x+OU=y'), /label coffer.cert.cn/],
    ['a newline in the name', cn('web\nO=y'), /label coffer.cert.cn/],
    ['a newline behind the name', cn('web\n'), /label coffer.cert.cn/],
    ['a NUL in the name', cn('good.example\0.evil.example'), /label coffer.cert.cn/],
    ['letters beyond ASCII', cn('bücher.example'), /label coffer.cert.cn/],
    ['a name of 65 characters', cn('a'.repeat(65)), /label coffer.cert.cn/],
    ['a name of half a megabyte', cn(' '.repeat(500_000)), /label coffer.cert.cn/],
    ['an email address', sans('root@example.com'), /"root@example.com" is neither$/],
    ['a URI', sans('https://example.com'), /is neither$/],
    ['a type in front', sans('DNS:a.example'), /is neither$/],
    ['a wildcard within', sans('a.*.example'), /is neither$/],
    ['part of a label as a wildcard', sans('w*.example'), /is neither$/],
    ['a wildcard alone', sans('*'), /is neither$/],
    ['an empty one', sans('a,,b'), /"" is neither$/],
    ['a NUL', sans('a.example\0'), /is neither$/],
    ['a newline', sans('a\nb'), /is neither$/],
    ['a label beyond ASCII', sans('ｅxample.com'), /is neither$/],
    ['a dot at the end', sans('example.com.'), /is neither$/],
    ['a label of 64 characters', sans('a'.repeat(64)), /is neither$/],
    ['a name of 254 characters', sans(`${'a'.repeat(62)}.`.repeat(4).slice(0, -1) + '.aa'), /is neither$/],
    ['what looks like an address', sans('10.0.0.256'), /is neither$/],
    ['an address in hexadecimal', sans('0x7f.0x1'), /is neither$/],
    ['an address with a zone', sans('fe80::1%eth0'), /is neither$/],
    ['an address with brackets', sans('[::1]'), /is neither$/],
    ['10,000 names', sans(Array.from({ length: 10_000 }, () => 'a').join(',')), /has 100 names at most$/],
    ['spaces without end', sans(`a${' '.repeat(500_000)}`), /is neither$/],
    ['too short a life', cn('a', { 'coffer.cert.ttl': '59m' }), /lives, 1h to 397d, not "59m"$/],
    ['too long a life', cn('a', { 'coffer.cert.ttl': '398d' }), /not "398d"$/],
    ['no duration', cn('a', { 'coffer.cert.ttl': 'soon' }), /not "soon"$/],
    ['another use', cn('a', { 'coffer.cert.usage': 'codesign' }), /is server, client or server,client/],
    ['a use twice', cn('a', { 'coffer.cert.usage': 'server,server' }), /is server, client or server,client/],
    [
      'another thing that is made',
      cn('a', { 'coffer.generate': 'hex:32' }),
      /^label coffer.generate does not go with/,
    ],
    ['another schedule', cn('a', { 'coffer.rotate': '30d' }), /^label coffer.rotate does not go with/],
  ] as const) {
    test(`are refused with ${what}`, () => {
      assert.throws(() => certificateWish(wrong), refusedFor(why));
      assert.throws(() => put(wrong), refusedFor(/./));
      assert.equal(storedCertificateWish(wrong), undefined);
    });
  }

  test('are refused where no version is kept to go back to', () => {
    assert.throws(() => put(cn('a', { 'coffer.keep': '1' })), refusedFor(/coffer.keep is 2 or more$/));
    put(cn('a', { 'coffer.keep': '2' }));
  });

  test('go with the stored secret without those that are for one use of it', () => {
    const labels = cn('a', {
      'coffer.cert.ttl': '1d',
      'coffer.cert.part': 'key',
      'coffer.name': 'b',
      other: 'x',
    });
    assert.deepEqual(storedCertificateLabels(labels), cn('a', { 'coffer.cert.ttl': '1d' }));
  });

  test('say which part of it is given, of those that there are', () => {
    assert.equal(certificatePart({ 'coffer.cert.part': 'ca' }), 'ca');
    assert.equal(certificatePart({}), undefined);
    assert.throws(
      () => certificatePart({ 'coffer.cert.part': 'pem' }),
      refusedFor(/bundle, cert, key, ca, not "pem"$/),
    );
  });
});

test('nobody but coffer itself writes what it keeps for itself, however the name is written', () => {
  for (const [name, hint] of [
    ['coffer.workload-ca', /cert-ca/],
    ['COFFER.Workload-CA', /cert-ca/],
    ['coffer.notices', /another name/],
    ['Coffer.NOTICES', /another name/],
  ] as const) {
    assert.throws(
      () => put({}, name),
      (error) =>
        error instanceof CofferError && error.code === 'secret.reserved' && hint.test(error.hint ?? ''),
    );
    assert.throws(() => put({}, name, 'gateway'), /secret.reserved/);
    put({}, name, 'generated');
  }
});
