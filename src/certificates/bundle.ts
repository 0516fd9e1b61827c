// SPDX-License-Identifier: Apache-2.0
// A certificate with its key as one PEM text: the key, the certificate, what leads from it to a root, and the roots. It is the value
// of a secret; its parts are views on it.
import { type KeyObject, X509Certificate } from 'node:crypto';
import { base64Length, CofferError, SecretValue, unreachable, writeBase64 } from '../common/index.ts';
import { exportKey } from '../pki/index.ts';
import { type CertificatePart, PART_LABEL } from '../secrets/index.ts';

export interface CertificateFiles {
  readonly privateKey: KeyObject;
  /** PEM, its own first; each is issued by the next, the last one by a root. */
  readonly chain: readonly string[];
  /** PEM. The one that issues first. */
  readonly roots: readonly string[];
}

const KEY_HEAD = Buffer.from('-----BEGIN PRIVATE KEY-----\n', 'latin1');
const KEY_END = Buffer.from('-----END PRIVATE KEY-----\n', 'latin1');
const CERTIFICATE_HEAD = Buffer.from('-----BEGIN CERTIFICATE-----\n', 'latin1');
const CERTIFICATE_END = Buffer.from('-----END CERTIFICATE-----\n', 'latin1');

/** Of base64, as RFC 7468 breaks lines: 64 characters. */
const LINE_BYTES = 48;
const NEWLINE = 0x0a;
/** A certificate, one cross-signed root, two roots. */
const CERTIFICATES_MAX = 8;

/** The caller wipes it. */
export function writeBundle({ chain, privateKey, roots }: CertificateFiles): SecretValue {
  const der = exportKey(privateKey);
  const key = pemOfKey(der);
  der.fill(0);
  const certificates = Buffer.from([...chain, ...roots].join(''), 'latin1');
  const bundle = Buffer.alloc(key.length + certificates.length);
  bundle.set(key);
  bundle.set(certificates, key.length);
  key.fill(0);
  return SecretValue.takeOver(bundle);
}

/** Node's own way makes a string of the key, which nobody can wipe. */
function pemOfKey(der: Buffer): Buffer {
  const lines = Math.ceil(der.length / LINE_BYTES);
  const pem = Buffer.alloc(KEY_HEAD.length + base64Length(der.length) + lines + KEY_END.length);
  let at = KEY_HEAD.copy(pem);
  for (let from = 0; from < der.length; from += LINE_BYTES) {
    const line = der.subarray(from, from + LINE_BYTES);
    writeBase64(pem, at, line);
    at += base64Length(line.length);
    pem[at] = NEWLINE;
    at += 1;
  }
  KEY_END.copy(pem, at);
  return pem;
}

/** Where the blocks lie in a bundle. */
interface Blocks {
  readonly key: Buffer;
  readonly chain: readonly Buffer[];
  readonly roots: readonly Buffer[];
}

/**
 * A part of a bundle in memory of its own: the caller wipes both. Throws `secret.label-invalid` for a value that is no bundle.
 */
export function partOf(bundle: SecretValue, part: CertificatePart): SecretValue {
  const { chain, key, roots } = blocksOf(bundle);
  switch (part) {
    case 'bundle':
      return SecretValue.copyOf(bundle.expose());
    case 'key':
      return SecretValue.copyOf(key);
    case 'cert':
      return SecretValue.copyOf(Buffer.concat(chain));
    case 'ca':
      return SecretValue.copyOf(Buffer.concat(roots));
    default:
      return unreachable(part);
  }
}

/** What a bundle's certificate says; undefined for a value that is no bundle. */
export function leafOf(bundle: SecretValue): X509Certificate | undefined {
  try {
    const [leaf] = blocksOf(bundle).chain;
    return leaf && new X509Certificate(leaf);
  } catch {
    return undefined;
  }
}

function blocksOf(bundle: SecretValue): Blocks {
  const bytes = bundle.expose();
  const keyEnd = bytes.indexOf(KEY_END) + KEY_END.length;
  if (!bytes.subarray(0, KEY_HEAD.length).equals(KEY_HEAD) || keyEnd < KEY_END.length) {
    throw noBundle();
  }
  const chain: Buffer[] = [];
  const roots: Buffer[] = [];
  let from = keyEnd;
  while (from < bytes.length && chain.length + roots.length < CERTIFICATES_MAX) {
    const end = bytes.indexOf(CERTIFICATE_END, from) + CERTIFICATE_END.length;
    const block = bytes.subarray(from, end);
    if (
      end < CERTIFICATE_END.length ||
      !block.subarray(0, CERTIFICATE_HEAD.length).equals(CERTIFICATE_HEAD)
    ) {
      throw noBundle();
    }
    (isRoot(block) ? roots : chain).push(block);
    from = end;
  }
  if (chain.length === 0 || roots.length === 0 || from < bytes.length) {
    throw noBundle();
  }
  return { key: bytes.subarray(0, keyEnd), chain, roots };
}

function isRoot(block: Buffer): boolean {
  try {
    const { issuer, subject } = new X509Certificate(block);
    return issuer === subject;
  } catch {
    throw noBundle();
  }
}

function noBundle(): CofferError {
  return new CofferError(
    'secret.label-invalid',
    `label ${PART_LABEL} is for certificates of coffer, and the value is none`,
    { hint: 'Have the certificate made: docker coffer cert NAME --cn NAME.' },
  );
}
