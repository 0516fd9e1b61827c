// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
} from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import { exportKey, generateKey, importKey, publicKeyFingerprint } from '../../../src/pki/index.ts';
import { assertProperty } from '../../support/property.ts';
import { mutations } from './mutations.ts';

const UNFIT_KEYS = [
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey],
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey],
  ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey],
  ['Ed25519', generateKeyPairSync('ed25519').privateKey],
  ['P-256 with its parameters spelt out', explicitParametersKey()],
] as const;

function explicitParametersKey() {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1', paramEncoding: 'explicit' }).privateKey;
}

describe('a private key', () => {
  test('comes back from its PKCS#8, whose buffer can be wiped at once', () => {
    const key = generateKey();
    const exported = exportKey(key);
    const imported = importKey(exported);
    exported.fill(0);
    assert.ok(imported.equals(key));
    assert.equal(imported.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  });

  test('is another one each time', () => {
    assert.ok(!generateKey().equals(generateKey()));
  });

  for (const [name, key] of UNFIT_KEYS) {
    test(`of the kind ${name} is refused`, () => {
      const exported = key.export({ format: 'der', type: 'pkcs8' });
      assert.throws(() => importKey(exported), { code: 'pki.certificate-invalid' });
    });
  }

  test('that is encrypted, or is a public key, is refused', () => {
    const key = generateKey();
    const encrypted = key.export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' });
    assert.throws(() => importKey(encrypted), { code: 'pki.certificate-invalid' });
    const info = createPublicKey(key).export({ format: 'der', type: 'spki' });
    assert.throws(() => importKey(info), { code: 'pki.certificate-invalid' });
  });

  test('that is damaged is refused in words that hold nothing of it', (t) => {
    const exported = exportKey(generateKey());
    const secretPart = createPrivateKey({ key: exported, format: 'der', type: 'pkcs8' }).export({
      format: 'jwk',
    }).d;
    assertProperty(
      t,
      500,
      fc.property(mutations(exported), (bytes) => {
        try {
          importKey(bytes);
        } catch (error) {
          assert.ok(error instanceof CofferError && error.code === 'pki.certificate-invalid');
          assert.equal(error.cause, undefined);
          assert.ok(secretPart !== undefined && !error.message.includes(secretPart));
        }
      }),
    );
  });
});

describe("a key's fingerprint", () => {
  test('is the SHA-256 of its SubjectPublicKeyInfo, the same for both halves', () => {
    const key = generateKey();
    const info = createPublicKey(key).export({ format: 'der', type: 'spki' });
    const digest = createHash('sha256').update(info).digest('hex');
    assert.equal(publicKeyFingerprint(key), digest);
    assert.equal(publicKeyFingerprint(createPublicKey(key)), digest);
  });

  test('is only given for the one way to write a P-256 key', () => {
    const unfit = [...UNFIT_KEYS.map(([, key]) => createPublicKey(key)), createSecretKey(Buffer.alloc(32))];
    for (const key of unfit) {
      assert.throws(() => publicKeyFingerprint(key), { code: 'pki.certificate-invalid' });
    }
  });
});
