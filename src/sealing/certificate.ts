// SPDX-License-Identifier: Apache-2.0
// The public half of a sealing key as a text that may be published. What stands before BEGIN is for people; the lines between
// hold, in base64: u8 format (1), the public key (32 bytes), u64 time in ms at which it was made, u32 length and UTF-8 of the
// cluster's id, and the first 8 bytes of a SHA-256 of all before them.
import { createHash } from 'node:crypto';
import { ByteReader, ByteWriter, CofferError } from '../common/index.ts';
import { isPublicKey, PUBLIC_KEY_BYTES, publicKeyOf } from '../crypto/index.ts';
import { ID_LENGTH_MAX } from '../secrets/index.ts';
import { type SealingKey, sealingKeyDigest, sealingKeyId } from './sealing-key.ts';

const FORMAT = 1;
const CHECKSUM_BYTES = 8;
/** Each of them 64 characters. */
const LINES = /.{1,64}/g;
const BEGIN = '-----BEGIN COFFER SEALING KEY-----';
const END = '-----END COFFER SEALING KEY-----';
const WHOLE = new RegExp(`${BEGIN}([A-Za-z0-9+/=\\s]*)${END}`);
/** Much more than a certificate and what is said about it. */
export const CERTIFICATE_BYTES_MAX = 64 * 1024;

/** Who has it can seal values, and open none. */
export interface SealingCertificate {
  readonly publicKey: Buffer;
  readonly clusterId: string;
  readonly madeAt_ms: number;
}

export function certificateOf({ clusterId, madeAt_ms, secretKey }: SealingKey): SealingCertificate {
  return { publicKey: publicKeyOf(secretKey), clusterId, madeAt_ms };
}

export function formatCertificate(certificate: SealingCertificate): string {
  const { clusterId, madeAt_ms, publicKey } = certificate;
  const content = new ByteWriter()
    .u8(FORMAT)
    .fixed(publicKey)
    .u64(madeAt_ms)
    .bytes(Buffer.from(clusterId))
    .finish();
  const digits = Buffer.concat([content, checksumOf(content)]).toString('base64');
  const lines = digits.match(LINES) ?? [];
  return [
    `Cluster: ${clusterId}`,
    `Key: ${sealingKeyId(publicKey)}`,
    `Digest: sha256:${sealingKeyDigest(publicKey)}`,
    `Made: ${new Date(madeAt_ms).toISOString()}`,
    BEGIN,
    ...lines,
    END,
    '',
  ].join('\n');
}

/** Reads the one certificate in a text. Throws `sealing.certificate-invalid` with what is wrong. */
export function parseCertificate(text: string): SealingCertificate {
  const [, digits, ...more] = text.split(WHOLE);
  if (digits === undefined) {
    throw invalid(`there is no ${BEGIN} with its end`);
  }
  if (more.length > 1) {
    throw invalid('there is more than one');
  }
  const bytes = Buffer.from(digits, 'base64');
  const content = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_BYTES));
  if (!checksumOf(content).equals(bytes.subarray(content.length))) {
    throw invalid('a character is wrong, or missing');
  }
  const certificate = readContent(content);
  if (!isPublicKey(certificate.publicKey)) {
    throw invalid('nothing can be sealed to its key');
  }
  return certificate;
}

function readContent(content: Buffer): SealingCertificate {
  const format = content[0];
  if (format !== FORMAT) {
    throw invalid(`its format is ${format}, which this version cannot read`);
  }
  try {
    const reader = new ByteReader(content.subarray(1), 'the certificate');
    const publicKey = Buffer.from(reader.fixed(PUBLIC_KEY_BYTES));
    const madeAt_ms = reader.u64();
    const clusterId = reader.text(ID_LENGTH_MAX);
    reader.finish();
    return { publicKey, clusterId, madeAt_ms };
  } catch (thrown) {
    throw invalid(CofferError.from(thrown).detail);
  }
}

function checksumOf(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest().subarray(0, CHECKSUM_BYTES);
}

function invalid(how: string): CofferError {
  return new CofferError('sealing.certificate-invalid', `this is no certificate of a sealing key: ${how}`, {
    hint: 'On a manager: docker coffer sealing-key --certificate > sealing.pem',
  });
}
