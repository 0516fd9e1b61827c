// SPDX-License-Identifier: Apache-2.0
// The certificates that coffer writes, as OpenSSL and node:crypto read them.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  AUTHORITY_LIFETIME_MS,
  authorityKeyId,
  BACKDATE_MS,
  createAuthority,
  crossSign,
  describeCertificate,
  generateKey,
  issueCertificate,
  MANAGER_SERVER_NAME,
  publicKeyFingerprint,
} from '../../../src/pki/index.ts';
import {
  CLUSTER_ID,
  currentAuthority,
  DAY_MS,
  issueTo,
  MANAGER,
  NODE_ID,
  NOW_MS,
  openSsl,
  OTHER_CLUSTER_ID,
  UNLOCK,
  WORKER,
} from './pki-harness.ts';

/** Certificates tell no parts of a second. */
const NOW_S_MS = NOW_MS - (NOW_MS % 1_000);

describe('a root', () => {
  test('is what OpenSSL takes for a CA, however strictly it looks', async (t) => {
    const openssl = openSsl(t);
    const root = openssl.file('root.pem', currentAuthority().certificate);
    const verdict = await openssl.run('verify', '-x509_strict', '-check_ss_sig', '-CAfile', root, root);
    assert.equal(verdict.code, 0, verdict.stderr);
    const { stdout } = await openssl.run('x509', '-in', root, '-noout', '-text');
    assert.match(stdout, /Version: 3/);
    assert.match(stdout, /Signature Algorithm: ecdsa-with-SHA256/);
    assert.match(stdout, /NIST CURVE: P-256/);
    assert.match(stdout, /Basic Constraints: critical\s+CA:TRUE, pathlen:1/);
    assert.match(stdout, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    assert.match(stdout, /Subject Key Identifier:/);
    assert.doesNotMatch(stdout, /Extended Key Usage|Subject Alternative Name/);
  });

  test('has a name of its own: no other root shares it, nor the serial', () => {
    const options = { clusterId: CLUSTER_ID, now_ms: NOW_MS };
    const [one, other] = [createAuthority(options), createAuthority(options)].map(
      ({ certificate }) => new X509Certificate(certificate),
    );
    assert.match(one?.subject ?? '', new RegExp(`^O=${CLUSTER_ID}\nCN=coffer CA [0-9a-f]{40}$`));
    assert.notEqual(one?.subject, other?.subject);
    assert.notEqual(one?.serialNumber, other?.serialNumber);
  });

  test('is valid from an hour before its making for twenty years, or as long as it is told', () => {
    const { certificate } = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS });
    const x509 = new X509Certificate(certificate);
    assert.equal(Date.parse(x509.validFrom), NOW_S_MS - BACKDATE_MS);
    assert.equal(Date.parse(x509.validTo), NOW_S_MS + AUTHORITY_LIFETIME_MS);
    for (const lifetime_ms of [1_000, DAY_MS, 40 * 365 * DAY_MS]) {
      const other = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS, lifetime_ms });
      assert.equal(Date.parse(new X509Certificate(other.certificate).validTo), NOW_S_MS + lifetime_ms);
    }
  });

  test('writes its end as RFC 5280 wants it, before 2050 and after', async (t) => {
    const openssl = openSsl(t);
    for (const [year, type] of [
      [2049, 'UTCTIME'],
      [2050, 'GENERALIZEDTIME'],
    ] as const) {
      const lifetime_ms = Date.UTC(year, 5) - NOW_MS;
      const { certificate } = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS, lifetime_ms });
      const file = openssl.file(`${year}.pem`, certificate);
      const { stdout } = await openssl.run('asn1parse', '-in', file);
      assert.match(stdout, new RegExp(`${type} +:(20)?${year % 100}0601000000Z`));
    }
  });

  test('is made for a key that is given, and refuses one that is not on P-256', () => {
    const key = generateKey();
    const authority = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS, key });
    assert.ok(new X509Certificate(authority.certificate).checkPrivateKey(key));
    assert.equal(authorityKeyId(authority.certificate), publicKeyFingerprint(key).slice(0, 40));
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey;
    assert.throws(() => createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS, key: rsa }), {
      code: 'pki.certificate-invalid',
    });
  });

  test('has serials that are positive and use all of their 16 bytes', () => {
    const authority = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS });
    const serials = Array.from(
      { length: 64 },
      () => describeCertificate(issueTo(authority, WORKER, NOW_MS).certificate).serial,
    );
    assert.equal(new Set(serials).size, serials.length);
    assert.ok(serials.every((serial) => /^[4-7][0-9a-f]{31}$/.test(serial)));
  });
});

describe("a node's certificate", () => {
  const authority = currentAuthority();
  const TABLE = [
    { subject: MANAGER, usages: 'TLS Web Client Authentication, TLS Web Server Authentication' },
    { subject: WORKER, usages: 'TLS Web Client Authentication' },
    { subject: UNLOCK, usages: 'TLS Web Client Authentication' },
  ] as const;

  for (const { subject, usages } of TABLE) {
    test(`of a ${subject.role} says who it is and what its key is for`, async (t) => {
      const openssl = openSsl(t);
      const leaf = openssl.file('leaf.pem', issueTo(authority, subject).certificate);
      const { stdout } = await openssl.run('x509', '-in', leaf, '-noout', '-text');
      const names = [`DNS:${subject.nodeId}`, ...(subject.role === 'manager' ? ['DNS:coffer-manager'] : [])];
      assert.match(
        stdout,
        new RegExp(`Subject: O = ${CLUSTER_ID}, OU = coffer-${subject.role}, CN = ${subject.nodeId}\n`),
      );
      assert.match(stdout, /Basic Constraints: critical\s+CA:FALSE\n/);
      assert.match(stdout, /X509v3 Key Usage: critical\s+Digital Signature\n/);
      assert.match(stdout, new RegExp(`Extended Key Usage: *\n\\s+${usages}\n`));
      assert.match(stdout, new RegExp(`Subject Alternative Name: *\n\\s+${names.join(', ')}\n`));
      const root = openssl.file('root.pem', authority.certificate);
      const ids = await openssl.run('x509', '-in', root, '-noout', '-ext', 'subjectKeyIdentifier');
      const id = /([0-9A-F]{2}:){19}[0-9A-F]{2}/.exec(ids.stdout)?.[0] ?? 'none';
      assert.match(stdout, new RegExp(`Authority Key Identifier: *\n\\s+(keyid:)?${id}\n`));
    });
  }

  for (const [subject, purpose, verdict] of [
    [MANAGER, 'sslclient', 0],
    [MANAGER, 'sslserver', 0],
    [WORKER, 'sslclient', 0],
    [WORKER, 'sslserver', 2],
    [UNLOCK, 'sslclient', 0],
    [UNLOCK, 'sslserver', 2],
  ] as const) {
    test(`of a ${subject.role} is ${verdict === 0 ? 'good' : 'no good'} as ${purpose} to OpenSSL`, async (t) => {
      const openssl = openSsl(t);
      const leaf = openssl.file('leaf.pem', issueTo(authority, subject).certificate);
      const root = openssl.file('root.pem', authority.certificate);
      const flags = ['-x509_strict', '-purpose', purpose];
      const result = await openssl.run('verify', ...flags, '-CAfile', root, leaf);
      assert.equal(result.code, verdict, result.stderr);
      if (verdict !== 0) {
        assert.match(result.stderr, /unsuitable certificate purpose|unsupported certificate purpose/i);
      }
    });
  }

  test('of a manager is good for the one name that clients ask for, and a worker’s is not', () => {
    const [manager, worker] = [MANAGER, WORKER].map(
      (subject) => new X509Certificate(issueTo(authority, subject).certificate),
    );
    assert.equal(manager?.checkHost(MANAGER_SERVER_NAME), MANAGER_SERVER_NAME);
    assert.equal(manager?.checkHost(NODE_ID), NODE_ID);
    assert.equal(worker?.checkHost(MANAGER_SERVER_NAME), undefined);
  });

  test('is described as it is', () => {
    const { certificate, key } = issueTo(authority, MANAGER, NOW_MS + DAY_MS * 365);
    const x509 = new X509Certificate(certificate);
    const description = describeCertificate(certificate);
    assert.deepEqual(description, {
      subject: MANAGER,
      serial: x509.serialNumber.toLowerCase(),
      notBefore_ms: NOW_S_MS + DAY_MS * 365 - BACKDATE_MS,
      notAfter_ms: NOW_S_MS + DAY_MS * 365 + 90 * DAY_MS,
      fingerprint: createHash('sha256').update(x509.raw).digest('hex'),
      publicKeyFingerprint: publicKeyFingerprint(key),
      issuerKeyId: authorityKeyId(authority.certificate),
    });
    assert.equal(description.fingerprint, x509.fingerprint256.replaceAll(':', '').toLowerCase());
  });

  test('ends with its root, and is not issued by a root that is not valid', () => {
    const lifetime_ms = 10 * DAY_MS;
    const short = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS, lifetime_ms });
    const { certificate } = issueTo(short, WORKER, NOW_MS);
    assert.equal(describeCertificate(certificate).notAfter_ms, NOW_S_MS + lifetime_ms);
    assert.throws(
      () => issueTo(short, WORKER, NOW_MS + lifetime_ms),
      /pki\.certificate-invalid.*expired at 2026-02-13/,
    );
    assert.throws(
      () => issueTo(short, WORKER, NOW_MS - 2 * BACKDATE_MS),
      /certificate-invalid.*not valid before/,
    );
  });

  test('is issued to nobody but a P-256 key in its own cluster, by a root whose key is its own', () => {
    const publicKey = createPublicKey(generateKey());
    const options = { authority, publicKey, subject: WORKER, now_ms: Date.now(), lifetime_ms: DAY_MS };
    const ed25519 = generateKeyPairSync('ed25519').publicKey;
    assert.throws(() => issueCertificate({ ...options, publicKey: ed25519 }), {
      code: 'pki.certificate-invalid',
    });
    const stranger = { ...WORKER, clusterId: OTHER_CLUSTER_ID };
    assert.throws(() => issueCertificate({ ...options, subject: stranger }), { code: 'internal.invariant' });
    for (const nodeId of ['', 'short', NODE_ID.toUpperCase(), `${NODE_ID}0`, '*.example.com/CN=manager..']) {
      const subject = { ...WORKER, nodeId };
      assert.throws(() => issueCertificate({ ...options, subject }), { code: 'internal.invariant' });
    }
    const mixed = { ...authority, privateKey: generateKey() };
    assert.throws(
      () => issueCertificate({ ...options, authority: mixed }),
      /private key is not that of the CA/,
    );
    const leaf = issueTo(authority, MANAGER);
    const noRoot = { certificate: leaf.certificate, privateKey: leaf.key };
    assert.throws(() => issueCertificate({ ...options, authority: noRoot }), /no CA certificate of coffer/);
  });
});

describe('a cross-signed root', () => {
  const old = currentAuthority();
  const next = currentAuthority();
  const cross = crossSign({ by: old, subject: next, now_ms: Date.now() });

  test('makes a node of the new root good for those who trust only the old one, and for those who trust only the new', async (t) => {
    const openssl = openSsl(t);
    const leaf = openssl.file('leaf.pem', issueTo(next, MANAGER).certificate);
    const untrusted = ['-untrusted', openssl.file('cross.pem', cross)];
    const roots = [old, next].map(({ certificate }, index) => openssl.file(`root${index}.pem`, certificate));
    const flags = ['-x509_strict', '-purpose', 'sslserver'];
    for (const root of roots) {
      const result = await openssl.run('verify', ...flags, '-CAfile', root, ...untrusted, leaf);
      assert.equal(result.code, 0, result.stderr);
    }
    const without = await openssl.run('verify', ...flags, '-CAfile', roots[0] ?? '', leaf);
    assert.notEqual(without.code, 0, 'it is the cross-signed root that makes it good');
  });

  test('has the new root’s name and key, issues to nodes alone, and is valid as long as both roots are', async (t) => {
    const openssl = openSsl(t);
    const { stdout } = await openssl.run('x509', '-in', openssl.file('cross.pem', cross), '-noout', '-text');
    assert.match(stdout, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    const [x509, x509Old, x509Next] = [cross, old.certificate, next.certificate].map(
      (pem) => new X509Certificate(pem),
    );
    assert.equal(x509?.subject, x509Next?.subject);
    assert.equal(x509?.issuer, x509Old?.subject);
    assert.ok(x509Next !== undefined && x509?.publicKey.equals(x509Next.publicKey));
    assert.equal(x509?.validTo, x509Old?.validTo);
  });

  test('is cut to the shorter root at both ends', () => {
    const later_ms = NOW_MS + 10 * DAY_MS;
    const ending = createAuthority({ clusterId: CLUSTER_ID, now_ms: NOW_MS, lifetime_ms: 20 * DAY_MS });
    const young = createAuthority({ clusterId: CLUSTER_ID, now_ms: later_ms });
    const x509 = new X509Certificate(crossSign({ by: ending, subject: young, now_ms: later_ms }));
    assert.equal(x509.validTo, new X509Certificate(ending.certificate).validTo);
    assert.equal(x509.validFrom, new X509Certificate(young.certificate).validFrom);
    assert.throws(() => crossSign({ by: ending, subject: young, now_ms: NOW_MS + 21 * DAY_MS }), /expired/);
  });

  test('is made neither for the same root nor for another cluster’s', () => {
    const other = createAuthority({ clusterId: OTHER_CLUSTER_ID, now_ms: Date.now() });
    for (const subject of [old, other]) {
      assert.throws(() => crossSign({ by: old, subject, now_ms: Date.now() }), {
        code: 'internal.invariant',
      });
    }
  });
});
