// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  certificateOf,
  formatCertificate,
  newSealingKey,
  parseCertificate,
  sealingKeyDigest,
  sealingKeyId,
} from '../../../src/sealing/index.ts';

const KEY = newSealingKey('c0ffee0c0ffee0c0ffee0c0ff', 1_700_000_000_000);
const CERTIFICATE = certificateOf(KEY);
const TEXT = formatCertificate(CERTIFICATE);

test('a certificate says for people and for programs which key it is, and has nothing of the secret one', () => {
  const certificate = parseCertificate(TEXT);
  assert.deepEqual(certificate, CERTIFICATE);
  assert.equal(sealingKeyId(certificate.publicKey), KEY.id);
  assert.ok(TEXT.includes(`Key: ${KEY.id}\nDigest: sha256:${sealingKeyDigest(certificate.publicKey)}\n`));
  assert.ok(!TEXT.includes(KEY.secretKey.toString('base64').slice(4, 24)));
});

test('a certificate is read with other text around it, and with the line ends of Windows', () => {
  const around = `# of the shop\n${TEXT}\nsee the wiki\n`.replaceAll('\n', '\r\n');
  assert.deepEqual(parseCertificate(around), CERTIFICATE);
});

test('a certificate with any character of its lines changed is refused, or says the same', () => {
  const start = TEXT.indexOf('-----BEGIN');
  for (let at = start; at < TEXT.length; at += 1) {
    for (const other of ['A', 'b', '=', '\n']) {
      const text = `${TEXT.slice(0, at)}${other}${TEXT.slice(at + 1)}`;
      let read;
      try {
        read = parseCertificate(text);
      } catch (thrown) {
        assert.equal(Reflect.get(Object(thrown), 'code'), 'sealing.certificate-invalid');
      }
      assert.deepEqual(read ?? CERTIFICATE, CERTIFICATE, `${at} ${JSON.stringify(other)}`);
    }
  }
});

test('a certificate that is cut, doubled, of another format, or of no usable key is refused', () => {
  const refused = { code: 'sealing.certificate-invalid' };
  assert.throws(() => parseCertificate(''), refused);
  assert.throws(() => parseCertificate(TEXT.slice(0, -10)), refused);
  assert.throws(() => parseCertificate(`${TEXT}${TEXT}`), refused);
  assert.throws(() => parseCertificate(TEXT.replace(/KEY-----\n[^-]*/, 'KEY-----\n')), refused);
  const ofZero = formatCertificate({ ...CERTIFICATE, publicKey: Buffer.alloc(32) });
  assert.throws(() => parseCertificate(ofZero), { ...refused, detail: /nothing can be sealed to its key/ });
});
