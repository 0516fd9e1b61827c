// SPDX-License-Identifier: Apache-2.0
// What is read from certificates, and from what are none of coffer's.
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  authorityDigest,
  authorityKeyId,
  createAuthority,
  crossSign,
  describeCertificate,
  splitPemBundle,
} from '../../../src/pki/index.ts';
import { CERTIFICATE_PEM, decodePem, encodePem } from '../../../src/pki/pem.ts';
import { CLUSTER_ID, issueTo, MANAGER, NODE_ID, NOW_MS, OTHER_CLUSTER_ID, WORKER } from './pki-harness.ts';

const old = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS });
const next = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS });
const cross = crossSign({ by: old, subject: next, now_ms: NOW_MS });
const leaf = issueTo(old, MANAGER, NOW_MS).certificate;
const nextLeaf = issueTo(next, MANAGER, NOW_MS).certificate;

describe('a certificate', () => {
  test('that coffer did not make is not described', () => {
    assert.throws(() => describeCertificate(old.certificate), /is that of a CA/);
    assert.throws(() => describeCertificate(cross), /is that of a CA/);
    assert.throws(() => describeCertificate(nextLeaf + leaf), /several certificates/);
    assert.throws(() => authorityKeyId(leaf), /no CA certificate of coffer/);
    const [der = Buffer.alloc(0)] = decodePem(CERTIFICATE_PEM, leaf);
    for (const [from, to] of [
      [NODE_ID, `${NODE_ID.slice(0, -2)}!a`],
      ['coffer CA', 'coffer CB'],
      ['coffer-manager', 'coffer-worker!'],
    ] as const) {
      const altered = Buffer.from(der.toString('latin1').replaceAll(from, to), 'latin1');
      assert.throws(
        () => describeCertificate(encodePem(CERTIFICATE_PEM, altered)),
        /none that coffer issues/,
      );
    }
    // The issuer's name comes first.
    const altered = Buffer.from(der.toString('latin1').replace(CLUSTER_ID, OTHER_CLUSTER_ID), 'latin1');
    assert.throws(() => describeCertificate(encodePem(CERTIFICATE_PEM, altered)), /none that coffer issues/);
    // A worker's usages under a manager's name.
    const worker = decodePem(CERTIFICATE_PEM, issueTo(old, WORKER, NOW_MS).certificate)[0] ?? Buffer.alloc(0);
    const serverAuth = Buffer.from('06082b06010505070301', 'hex').toString('latin1');
    const clientAuth = Buffer.from('06082b06010505070302', 'hex').toString('latin1');
    const server = Buffer.from(worker.toString('latin1').replace(clientAuth, serverAuth), 'latin1');
    assert.throws(() => describeCertificate(encodePem(CERTIFICATE_PEM, server)), /none that coffer issues/);
  });

  test('with a byte after it is refused, since it would have a second digest', () => {
    const der = Buffer.concat([decodePem(CERTIFICATE_PEM, leaf)[0] ?? Buffer.alloc(0), Buffer.of(0)]);
    assert.throws(() => authorityDigest(encodePem(CERTIFICATE_PEM, der)), {
      code: 'pki.certificate-invalid',
    });
  });
});

describe("a root's digest", () => {
  test('is the SHA-256 of its DER, however the PEM is laid out', () => {
    const digest = createHash('sha256').update(new X509Certificate(old.certificate).raw).digest();
    assert.deepEqual(authorityDigest(old.certificate), digest);
    assert.deepEqual(authorityDigest(`\n${old.certificate.replaceAll('\n', '\r\n')}`), digest);
  });

  test('is not taken of a text that is no certificate', () => {
    assert.throws(() => authorityDigest('words'), { code: 'pki.certificate-invalid' });
  });
});

describe('a bundle', () => {
  test('is split into its certificates, at most 16', () => {
    assert.deepEqual(splitPemBundle(nextLeaf + cross), [nextLeaf, cross]);
    assert.deepEqual(splitPemBundle(` ${nextLeaf}\r\n\n${cross}\n`), [nextLeaf, cross]);
    assert.equal(splitPemBundle(leaf.repeat(16)).length, 16);
    for (const text of [
      '',
      ' \n',
      leaf.repeat(17),
      leaf + '\n'.repeat(65_536),
      `${leaf}# old\n${cross}`,
      leaf.slice(0, -9),
    ]) {
      assert.throws(() => splitPemBundle(text), { code: 'pki.certificate-invalid' });
    }
  });
});
