// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createPublicKey, ECDH, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import { decodeDer, encodeDer, objectId, sequence, sequenceParts, bitString } from '../../../src/pki/der.ts';
import {
  createCertificateRequest,
  describeCertificate,
  generateKey,
  issueCertificate,
  publicKeyFingerprint,
  publicKeyOfRequest,
} from '../../../src/pki/index.ts';
import { decodePem, encodePem, REQUEST_PEM } from '../../../src/pki/pem.ts';
import { signBody } from '../../../src/pki/signed.ts';
import { assertProperty } from '../../support/property.ts';
import { pemMutations } from './mutations.ts';
import { currentAuthority, DAY_MS, openSsl, type OpenSsl, WORKER } from './pki-harness.ts';

/** An openssl.cnf that asks for all that a CSR can ask for. */
const MALICIOUS_CONFIG = `
[req]
distinguished_name = name
req_extensions = extensions
prompt = no
[name]
CN = wiiiiiiiiiiiiiiiiiiiiiide
O = otherclusterotherclustero
OU = coffer-manager
[extensions]
basicConstraints = critical, CA:TRUE, pathlen:5
keyUsage = critical, keyCertSign, cRLSign
extendedKeyUsage = serverAuth, codeSigning
subjectAltName = DNS:coffer-manager, DNS:evil.example, IP:10.6.6.6, email:root@evil.example
`;

async function maliciousRequest(openssl: OpenSsl, ...keyOptions: readonly string[]) {
  const config = openssl.file('req.cnf', MALICIOUS_CONFIG);
  const key = openssl.file('key.pem', '');
  const made = await openssl.run('ecparam', '-genkey', '-noout', '-out', key, ...keyOptions);
  assert.equal(made.code, 0, made.stderr);
  const result = await openssl.run('req', '-new', '-key', key, '-config', config);
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
}

function derOf(pem: string): Buffer {
  return decodePem(REQUEST_PEM, pem)[0] ?? Buffer.alloc(0);
}

describe('a certificate request', () => {
  test('of ours is good for OpenSSL, and gives its key back', async (t) => {
    const openssl = openSsl(t);
    const key = generateKey();
    const request = createCertificateRequest(key);
    const file = openssl.file('request.pem', request);
    const verdict = await openssl.run('req', '-in', file, '-verify', '-noout', '-subject');
    assert.equal(verdict.code, 0, verdict.stderr);
    assert.match(verdict.stdout + verdict.stderr, /verify OK/);
    assert.match(verdict.stdout, /subject=CN = coffer\n/);
    assert.ok(publicKeyOfRequest(request).equals(createPublicKey(key)));
  });

  test('that asks to be a CA, a manager, and of another cluster gets none of it', async (t) => {
    const request = await maliciousRequest(openSsl(t), '-name', 'prime256v1');
    const asked = derOf(request).toString('latin1');
    const publicKey = publicKeyOfRequest(request);
    const lifetime_ms = DAY_MS;
    const authority = currentAuthority();
    const certificate = issueCertificate({
      authority,
      publicKey,
      subject: WORKER,
      now_ms: Date.now(),
      lifetime_ms,
    });
    const description = describeCertificate(certificate);
    assert.deepEqual(description.subject, WORKER);
    assert.equal(description.publicKeyFingerprint, publicKeyFingerprint(publicKey));
    const written = new X509Certificate(certificate).raw.toString('latin1');
    for (const word of ['wiiiii', 'othercluster', 'coffer-manager', 'evil.example']) {
      assert.ok(asked.includes(word), `the request asks for ${word}`);
      assert.ok(!written.includes(word), `the certificate says nothing of ${word}`);
    }
    const openssl = openSsl(t);
    const leaf = openssl.file('leaf.pem', certificate);
    const { stdout } = await openssl.run('x509', '-in', leaf, '-noout', '-text');
    assert.doesNotMatch(stdout, /CA:TRUE|Certificate Sign|Code Signing|Server Auth|10\.6\.6\.6/);
  });

  for (const [what, options] of [
    ['on another curve', ['-name', 'secp384r1']],
    ['on secp256k1', ['-name', 'secp256k1']],
    ['with explicit parameters', ['-name', 'prime256v1', '-param_enc', 'explicit']],
  ] as const) {
    test(`for a key ${what} is refused`, async (t) => {
      const request = await maliciousRequest(openSsl(t), ...options);
      assert.throws(() => publicKeyOfRequest(request), { code: 'pki.csr-invalid' });
    });
  }

  test('for an RSA key is refused', async (t) => {
    const openssl = openSsl(t);
    const args = ['-newkey', 'rsa:1024', '-nodes', '-keyout', openssl.file('key.pem', ''), '-subj', '/CN=x'];
    const { stdout } = await openssl.run('req', '-new', ...args);
    assert.match(stdout, /BEGIN CERTIFICATE REQUEST/);
    assert.throws(() => publicKeyOfRequest(stdout), { code: 'pki.csr-invalid' });
  });

  test('for a key whose point is compressed is refused, since a key has one fingerprint only', () => {
    const key = generateKey();
    const parts = sequenceParts(sequenceParts(decodeDer(derOf(createCertificateRequest(key))))?.[0]) ?? [];
    const [version, name, info, attributes] = parts;
    const [algorithm] = sequenceParts(info) ?? [];
    assert.ok(version && name && algorithm && attributes);
    const point = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-65);
    const requestWith = (form: 'compressed' | 'uncompressed') => {
      const encoded = ECDH.convertKey(point, 'prime256v1', undefined, undefined, form);
      assert.ok(typeof encoded !== 'string');
      const body = sequence(version, name, sequence(algorithm, bitString(encoded)), attributes);
      return encodePem(REQUEST_PEM, signBody(body, key));
    };
    assert.ok(publicKeyOfRequest(requestWith('uncompressed')).equals(createPublicKey(key)));
    assert.throws(() => publicKeyOfRequest(requestWith('compressed')), { code: 'pki.csr-invalid' });
  });

  test('that somebody else signed is refused', () => {
    const [body, algorithm] = sequenceParts(decodeDer(derOf(createCertificateRequest(generateKey())))) ?? [];
    assert.ok(body !== undefined && algorithm !== undefined);
    const signature = sign('sha256', encodeDer(body), generateKey());
    const forged = encodePem(REQUEST_PEM, encodeDer(sequence(body, algorithm, bitString(signature))));
    assert.throws(() => publicKeyOfRequest(forged), /csr-invalid.*not signed by its own P-256 key/);
  });

  test('whose signature names another algorithm than ECDSA with SHA-256 is refused, whichever made it', () => {
    const key = generateKey();
    const [body] = sequenceParts(decodeDer(derOf(createCertificateRequest(key)))) ?? [];
    assert.ok(body !== undefined);
    const ecdsaWithSha1 = sequence(objectId('1.2.840.10045.4.1'));
    for (const digest of ['sha1', 'sha256']) {
      const signature = bitString(sign(digest, encodeDer(body), key));
      const request = encodePem(REQUEST_PEM, encodeDer(sequence(body, ecdsaWithSha1, signature)));
      assert.throws(() => publicKeyOfRequest(request), { code: 'pki.csr-invalid' });
    }
  });

  test('over 16 KiB, doubled, with words around it, or under another label is refused', () => {
    const request = createCertificateRequest(generateKey());
    const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
    for (const text of [
      '',
      ' \n',
      request + request,
      `x${request}`,
      `${request}x`,
      request.repeat(40),
      request + '\n'.repeat(16 * 1024),
      request.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE'),
      request.replace('\n', '\nHeader: x\n\n'),
      other.export({ format: 'pem', type: 'spki' }).toString(),
      `-----BEGIN CERTIFICATE REQUEST-----${'\n'.repeat(16_000)}`,
      `-----BEGIN CERTIFICATE REQUEST-----\n\n-----END CERTIFICATE REQUEST-----`,
    ]) {
      assert.throws(() => publicKeyOfRequest(text), { code: 'pki.csr-invalid' });
    }
    assert.ok(publicKeyOfRequest(`\n${request.replaceAll('\n', '\r\n')} \n`), 'white space does no harm');
  });

  test('in BER, nested without end, or with a byte over is refused', () => {
    const der = derOf(createCertificateRequest(generateKey()));
    const indefinite = Buffer.concat([Buffer.of(0x30, 0x80), der.subarray(3), Buffer.of(0, 0)]);
    const longLength = Buffer.concat([Buffer.of(0x30, 0x82, 0), der.subarray(2)]);
    const nested = Buffer.alloc(11_000, Buffer.of(0x30, 0x80));
    for (const bytes of [indefinite, longLength, nested, Buffer.concat([der, Buffer.of(0)])]) {
      assert.throws(() => publicKeyOfRequest(encodePem(REQUEST_PEM, bytes)), { code: 'pki.csr-invalid' });
    }
  });

  test('that is damaged or random never gives another key, and never another error', (t) => {
    const key = generateKey();
    const fingerprint = publicKeyFingerprint(key);
    const request = createCertificateRequest(key);
    assertProperty(
      t,
      3_000,
      fc.property(pemMutations(REQUEST_PEM, request, derOf(request)), (text) => {
        try {
          assert.equal(publicKeyFingerprint(publicKeyOfRequest(text)), fingerprint);
        } catch (error) {
          assert.ok(error instanceof CofferError && error.code === 'pki.csr-invalid', String(error));
        }
      }),
    );
  });
});
