// SPDX-License-Identifier: Apache-2.0
// Certificates for workloads, as OpenSSL and node:crypto read them, and apart from those of nodes.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  type Authority,
  BACKDATE_MS,
  checkChain,
  createWorkloadAuthority,
  crossSignWorkloadAuthority,
  describeCertificate,
  generateKey,
  issueToWorkload,
  type WorkloadSubject,
} from '../../../src/pki/index.ts';
import { currentAuthority, DAY_MS, issueTo, MANAGER, NOW_MS, openSsl } from './pki-harness.ts';

const SUBJECT: WorkloadSubject = {
  commonName: 'web',
  dnsNames: ['web', '*.web.example', 'shop_web'],
  addresses: ['10.0.0.1', 'fd00::12', '::ffff:192.0.2.1'],
  usages: ['server', 'client'],
};

function issued(authority: Authority, over: Partial<WorkloadSubject> = {}, now_ms = Date.now()): string {
  const subject = { ...SUBJECT, ...over };
  return issueToWorkload({ authority, publicKey: generateKey(), subject, now_ms, lifetime_ms: 30 * DAY_MS });
}

describe('the certificate of a workload', () => {
  test('is what OpenSSL takes, however strictly it looks, for each of its uses and names', async (t) => {
    const openssl = openSsl(t);
    const authority = createWorkloadAuthority(Date.now());
    const root = openssl.file('root.pem', authority.certificate);
    const leaf = openssl.file('leaf.pem', issued(authority));
    const verify = async (...args: readonly string[]): Promise<number> =>
      (await openssl.run('verify', '-x509_strict', '-CAfile', root, ...args, leaf)).code;
    assert.equal(await verify('-purpose', 'sslserver', '-verify_hostname', 'a.web.example'), 0);
    assert.equal(await verify('-purpose', 'sslclient', '-verify_ip', '10.0.0.1'), 0);
    assert.equal(await verify('-verify_ip', 'fd00::12'), 0);
    assert.equal(await verify('-verify_ip', '::ffff:192.0.2.1'), 0);
    assert.notEqual(await verify('-verify_hostname', 'other'), 0);
    assert.notEqual(await verify('-purpose', 'smimesign'), 0);
  });

  test('says what it is to say and nothing else', async (t) => {
    const openssl = openSsl(t);
    const authority = createWorkloadAuthority(NOW_MS);
    const pem = issued(authority, {}, NOW_MS);
    const { stdout } = await openssl.run('x509', '-text', '-noout', '-in', openssl.file('leaf.pem', pem));
    const x509 = new X509Certificate(pem);
    assert.equal(x509.subject, 'CN=web');
    assert.equal(
      x509.subjectAltName,
      'DNS:web, DNS:*.web.example, DNS:shop_web, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:12, IP Address:0:0:0:0:0:FFFF:C000:201',
    );
    assert.equal(x509.ca, false);
    assert.match(stdout, /X509v3 Basic Constraints: critical\s+CA:FALSE/);
    assert.match(stdout, /X509v3 Key Usage: critical\s+Digital Signature\n/);
    assert.match(
      stdout,
      /X509v3 Extended Key Usage:\s+TLS Web Server Authentication, TLS Web Client Authentication\n/,
    );
    assert.match(stdout, /NIST CURVE: P-256/);
    assert.equal(
      stdout.match(/X509v3 [^:]+:/g)?.join(),
      'X509v3 extensions:,X509v3 Basic Constraints:,X509v3 Key Usage:,X509v3 Extended Key Usage:,X509v3 Subject Alternative Name:,X509v3 Subject Key Identifier:,X509v3 Authority Key Identifier:',
    );
    assert.match(x509.serialNumber, /^[4-7][0-9A-F]{31}$/);
    const second_ms = NOW_MS - (NOW_MS % 1_000);
    assert.equal(Date.parse(x509.validFrom), second_ms - BACKDATE_MS);
    assert.equal(Date.parse(x509.validTo), second_ms + 30 * DAY_MS);
    assert.notEqual(new X509Certificate(issued(authority, {}, NOW_MS)).serialNumber, x509.serialNumber);
  });

  test('for a client alone is no server’s, and one without names of hosts has none', async (t) => {
    const openssl = openSsl(t);
    const authority = createWorkloadAuthority(Date.now());
    const only = { commonName: 'billing client', dnsNames: [], addresses: [], usages: ['client'] } as const;
    const pem = issued(authority, only);
    const root = openssl.file('root.pem', authority.certificate);
    const leaf = openssl.file('leaf.pem', pem);
    assert.equal((await openssl.run('verify', '-CAfile', root, '-purpose', 'sslclient', leaf)).code, 0);
    assert.notEqual((await openssl.run('verify', '-CAfile', root, '-purpose', 'sslserver', leaf)).code, 0);
    assert.equal(new X509Certificate(pem).subjectAltName, undefined);
  });

  test('never outlives its root', () => {
    const authority = createWorkloadAuthority(NOW_MS);
    const end_ms = Date.parse(new X509Certificate(authority.certificate).validTo);
    const late = issued(authority, {}, end_ms - DAY_MS);
    assert.equal(Date.parse(new X509Certificate(late).validTo), end_ms);
    assert.throws(() => issued(authority, {}, end_ms), /the CA certificate expired/);
  });

  test('is no node’s to the cluster, nor a node’s one to workloads', async (t) => {
    const openssl = openSsl(t);
    const [cluster, workloads] = [currentAuthority(), createWorkloadAuthority(Date.now())];
    const leaf = issued(workloads);
    const node = issueTo(cluster, MANAGER).certificate;
    assert.throws(() => describeCertificate(leaf), /pki.certificate-invalid/);
    const check = (chain: readonly string[], root: string): unknown =>
      checkChain({ chain, roots: [root], expect: {}, now_ms: Date.now() });
    assert.throws(() => check([leaf], cluster.certificate), /pki.certificate-invalid/);
    assert.throws(() => check([leaf], workloads.certificate), /pki.certificate-invalid/);
    for (const [root, certificate] of [
      [cluster.certificate, leaf],
      [workloads.certificate, node],
    ] as const) {
      const verdict = await openssl.run(
        'verify',
        '-CAfile',
        openssl.file('root.pem', root),
        openssl.file('leaf.pem', certificate),
      );
      assert.notEqual(verdict.code, 0);
    }
  });
});

test('who trusts the old root alone believes the new one’s certificates by way of the cross-signed root', async (t) => {
  const openssl = openSsl(t);
  const [old, next] = [createWorkloadAuthority(Date.now()), createWorkloadAuthority(Date.now())];
  const crossSigned = crossSignWorkloadAuthority({ by: old, subject: next, now_ms: Date.now() });
  const leaf = openssl.file('leaf.pem', issued(next));
  // As a server sends a bundle: the roots behind it must not lead anybody astray.
  const sent = openssl.file('sent.pem', [crossSigned, next.certificate, old.certificate].join(''));
  const verify = async (root: Authority, ...args: readonly string[]): Promise<number> =>
    (
      await openssl.run(
        'verify',
        '-x509_strict',
        '-CAfile',
        openssl.file('root.pem', root.certificate),
        ...args,
        leaf,
      )
    ).code;
  assert.equal(await verify(old, '-untrusted', sent), 0);
  assert.equal(await verify(next), 0);
  assert.notEqual(await verify(old), 0);
});
