// SPDX-License-Identifier: Apache-2.0
// Certificates, requests, tokens, and keys as text.
import {
  createCertificateRequest,
  describeCertificate,
  exportKey,
  generateKey,
  importKey,
} from '../../../src/pki/index.ts';
import { encodeBase36 } from '../../../src/pki/base36.ts';
import { checkChain } from '../../../src/pki/chain.ts';
import { decodeDer, encodeDer } from '../../../src/pki/der.ts';
import { formatJoinToken, parseJoinToken } from '../../../src/pki/join-token.ts';
import { CERTIFICATE_PEM, decodePem, encodePem, REQUEST_PEM } from '../../../src/pki/pem.ts';
import { publicKeyOfRequest } from '../../../src/pki/request.ts';
import {
  formatIdentity,
  formatRecipient,
  parseIdentityFile,
  parseRecipient,
  recipientOf,
} from '../../../src/backup/index.ts';
import { SecretValue } from '../../../src/common/index.ts';
import { formatUnlockKey, readUnlockText, sealTo, splitUnlockKey } from '../../../src/crypto/index.ts';
import {
  certificateOf,
  formatCertificate,
  openSealed,
  parseCertificate,
  parseSealed,
  type SealingKey,
  sealingKeyId,
  sealValue,
} from '../../../src/sealing/index.ts';
import { encodeHeader, formatSealed } from '../../../src/sealing/sealed-text.ts';
import { readAuthority, writeAuthority } from '../../../src/certificates/authority-codec.ts';
import { publicKeyOf } from '../../../src/crypto/index.ts';
import { currentAuthority, issueTo, MANAGER } from '../../unit/pki/pki-harness.ts';
import { CANARY } from '../canary.ts';
import { codes, type FuzzTarget, ofText, stable, textSeeds } from '../target.ts';

const KEY = Buffer.from(CANARY.repeat(2));
const UNLOCK_TEXT = (): string => formatUnlockKey(SecretValue.copyOf(KEY)).toString();
const SHARES = (): readonly string[] =>
  splitUnlockKey(SecretValue.copyOf(KEY), { threshold: 2, count: 3 }).map((share) => share.toString());
const TOKEN = {
  role: 'worker',
  authorityDigest: Buffer.alloc(32, 7),
  tokenId: 'abcdefgh',
  secret: Buffer.from(CANARY),
} as const;

const DER_WORDS = [
  Buffer.from([0x30, 0x80]),
  Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
  Buffer.from([0x02, 0x01, 0x00]),
  Buffer.from([0x03, 0x02, 0x00]),
  Buffer.from([0x05, 0x00]),
  Buffer.from([0xa0, 0x00]),
  Buffer.from([0x30, 0x30, 0x30, 0x30]),
];

const onePem = (pem: string): Buffer =>
  decodePem(pem.includes('REQUEST') ? REQUEST_PEM : CERTIFICATE_PEM, pem)[0] ?? Buffer.alloc(0);

/** So many sequences, one in the other, around a value. */
function nestedDer(depth: number, inner: Buffer): Buffer {
  let der = inner;
  for (let level = 0; level < depth; level += 1) {
    const length = Buffer.alloc(5);
    length[0] = 0x84;
    length.writeUInt32BE(der.length, 1);
    der = Buffer.concat([Buffer.of(0x30), der.length < 128 ? Buffer.of(der.length) : length, der]);
  }
  return der;
}

const sealingKey: SealingKey = {
  id: sealingKeyId(publicKeyOf(KEY)),
  secretKey: KEY,
  clusterId: 'c'.repeat(25),
  madeAt_ms: 1_700_000_000_000,
};
const sealingKeys = { sealingKey: (id: string) => (id === sealingKey.id ? sealingKey : undefined) };
const SCOPE = { name: 'db', stack: 'shop' };
const sealedHeader = encodeHeader({
  keyId: sealingKey.id,
  valueId: 'ab'.repeat(8),
  clusterId: sealingKey.clusterId,
});

/** Whoever has the certificate can seal any content at all. */
function openAnyContent(content: Buffer): void {
  const box = sealTo(publicKeyOf(KEY), content);
  openSealed(sealingKeys, formatSealed(sealedHeader, box), SCOPE).wipe();
}

/** What `sealValue` puts into the box. */
function sealedContent(): Buffer {
  const field = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const fields = [sealedHeader, Buffer.from(SCOPE.name), Buffer.from(SCOPE.stack), Buffer.from(CANARY)].map(
    field,
  );
  return Buffer.concat([...fields, Buffer.alloc(256 - CANARY.length)]);
}

const workloadAuthority = (): Buffer => {
  const authority = currentAuthority();
  const previous = { certificate: authority.certificate, crossSigned: authority.certificate, until_ms: 5 };
  return Buffer.from(writeAuthority({ ...authority, previous }).expose());
};

export const keyTargets: readonly FuzzTarget[] = [
  {
    name: 'pki/requests-as-text',
    seeds: () => [Buffer.from(createCertificateRequest(generateKey()))],
    refuses: codes('pki.csr-invalid'),
    run: ofText(publicKeyOfRequest),
    words: ['-----BEGIN CERTIFICATE REQUEST-----', '-----END CERTIFICATE REQUEST-----'],
    cost: 2,
  },
  {
    name: 'pki/requests-as-der',
    seeds: () => [onePem(createCertificateRequest(generateKey()))],
    refuses: codes('pki.csr-invalid'),
    run: (bytes) => publicKeyOfRequest(encodePem(REQUEST_PEM, bytes)),
    words: DER_WORDS,
    cost: 2,
  },
  {
    name: 'pki/der',
    seeds: () => [
      onePem(createCertificateRequest(generateKey())),
      Buffer.from([0x30, 0x03, 0x02, 0x01, 0x07]),
    ],
    // Its callers turn any error into one of theirs; what must not be is one that they cannot catch.
    refuses: (thrown) => thrown instanceof Error && !(thrown instanceof RangeError),
    run: (bytes) => {
      const depth = 8 * ((bytes[0] ?? 0) ^ 0x30);
      return encodeDer(decodeDer(depth === 0 ? bytes : nestedDer(depth, bytes.subarray(1))));
    },
    words: DER_WORDS,
    cost: 8,
    size_bytes_max: 4 * 1024,
    // Most of it for the nesting.
    memory_bytes: 64 * 1024 * 1024,
  },
  {
    name: 'pki/certificates',
    seeds: () => [Buffer.from(issueTo(currentAuthority(), MANAGER).certificate)],
    refuses: codes('pki.certificate-invalid'),
    run: ofText(describeCertificate),
    words: ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'],
    cost: 2,
  },
  {
    name: 'pki/certificates-as-der',
    seeds: () => [onePem(issueTo(currentAuthority(), MANAGER).certificate)],
    refuses: codes('pki.certificate-invalid'),
    run: (bytes) => describeCertificate(encodePem(CERTIFICATE_PEM, bytes)),
    words: DER_WORDS,
    cost: 2,
  },
  (() => {
    const authority = currentAuthority();
    return {
      name: 'pki/chains',
      seeds: () => [onePem(issueTo(authority, MANAGER).certificate)],
      refuses: codes('pki.certificate-invalid'),
      run: (bytes: Buffer) =>
        checkChain({
          chain: [encodePem(CERTIFICATE_PEM, bytes)],
          roots: [authority.certificate],
          expect: MANAGER,
          now_ms: Date.now(),
        }),
      words: DER_WORDS,
      cost: 4,
    };
  })(),
  {
    name: 'pki/private-keys',
    seeds: () => [exportKey(generateKey())],
    refuses: codes('pki.certificate-invalid'),
    run: importKey,
    words: DER_WORDS,
    cost: 2,
  },
  {
    name: 'pki/join-tokens',
    seeds: () => [
      Buffer.from(formatJoinToken(TOKEN)),
      Buffer.from(formatJoinToken({ ...TOKEN, role: 'manager' })),
    ],
    refuses: codes('cluster.token-invalid'),
    run: stable(
      (bytes) => parseJoinToken(bytes.toString('utf8')),
      (token) => Buffer.from(formatJoinToken(token)),
    ),
    secrets: [encodeBase36(TOKEN.secret, 25)],
    words: ['coffer-1-', 'coffer-2-', 'SWMTKN-1-', '-m-', '-w-'],
  },
  {
    name: 'crypto/unlock-keys',
    seeds: () => [
      Buffer.from(UNLOCK_TEXT()),
      Buffer.from(SHARES().join('\n')),
      Buffer.from(SHARES().slice(1).join('\n\n')),
    ],
    refuses: codes('unlock.key-invalid', 'unlock.shares-invalid'),
    run: (bytes) => readUnlockText(bytes).wipe(),
    secrets: [UNLOCK_TEXT().slice('COFFER-UNLOCK-1-'.length)],
    words: ['COFFER-UNLOCK-1-', 'COFFER-SHARE-1-', '-', 'I', 'O', 'U'],
  },
  {
    name: 'sealing/certificates',
    seeds: () => [Buffer.from(formatCertificate(certificateOf(sealingKey)))],
    refuses: codes('sealing.certificate-invalid'),
    run: ofText((text) => parseCertificate(text)),
    words: ['-----BEGIN COFFER SEALING KEY-----', '-----END COFFER SEALING KEY-----'],
    cost: 2,
  },
  {
    name: 'sealing/values',
    seeds: () => [
      Buffer.from(sealValue(certificateOf(sealingKey), SCOPE, SecretValue.copyOf(Buffer.from(CANARY)))),
    ],
    refuses: codes('sealed.invalid', 'sealed.key-unknown', 'sealed.scope'),
    run: ofText((text) => {
      parseSealed(text);
      openSealed(sealingKeys, text, SCOPE).wipe();
    }),
    words: ['coffer-sealed-1.', 'coffer-sealed-2.', '_', '-'],
    cost: 4,
  },
  {
    name: 'sealing/contents',
    seeds: () => [sealedContent()],
    refuses: codes('sealed.invalid', 'sealed.scope'),
    run: openAnyContent,
    cost: 20,
    size_bytes_max: 4 * 1024,
    memory_bytes: 512 * 1024,
  },
  {
    name: 'backup/recipients',
    seeds: textSeeds(formatRecipient(recipientOf({ secretKey: KEY }))),
    refuses: codes('backup.key-invalid'),
    run: stable(
      (bytes) => parseRecipient(bytes.toString('utf8')),
      (recipient) => Buffer.from(formatRecipient(recipient)),
    ),
    words: ['coffer-backup-recipient-1-', 'coffer-backup-identity-1-'],
  },
  {
    name: 'backup/identities',
    seeds: textSeeds(`# made today\n${formatIdentity({ secretKey: KEY })}\n`),
    refuses: codes('backup.key-invalid'),
    run: stable(
      (bytes) => parseIdentityFile(bytes.toString('utf8')),
      (identity) => Buffer.from(formatIdentity(identity)),
    ),
    words: ['coffer-backup-recipient-1-', 'coffer-backup-identity-1-', '# '],
  },
  {
    name: 'certificates/authority',
    seeds: () => [workloadAuthority()],
    refuses: codes('store.damaged'),
    run: stable(
      (bytes) => readAuthority(SecretValue.copyOf(bytes)),
      (authority) => Buffer.from(writeAuthority(authority).expose()),
    ),
    cost: 4,
  },
];
