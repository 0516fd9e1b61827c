// SPDX-License-Identifier: Apache-2.0
// Certificates as node:crypto reads them.
import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { CofferError } from '../common/index.ts';
import { EXTENDED_KEY_USAGE } from './extensions.ts';
import { publicKeyFingerprint } from './key.ts';
import { CERTIFICATE_PEM, decodePem, encodePem } from './pem.ts';
import { dnsNames, type NodeSubject, parseAuthorityName, parseNodeName } from './subject.ts';

/** A certificate with a P-256 key, of whomever. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly publicKey: KeyObject;
  readonly notBefore_ms: number;
  readonly notAfter_ms: number;
}

/** What a node's certificate says. Times are in ms since 1970, everything else that is no subject is hex in lower case. */
export interface NodeDescription {
  readonly subject: NodeSubject;
  readonly serial: string;
  readonly notBefore_ms: number;
  readonly notAfter_ms: number;
  /** SHA-256 of the certificate's DER. */
  readonly fingerprint: string;
  /** SHA-256 of its SubjectPublicKeyInfo, as `publicKeyFingerprint` gives it. */
  readonly publicKeyFingerprint: string;
  /** The `authorityKeyId` of the root that it names as its issuer. */
  readonly issuerKeyId: string;
}

/**
 * What the certificate of a node says, through `X509Certificate`. Throws `pki.certificate-invalid` for PEM that is none
 * of those that `issueCertificate` makes. It tells no forgery: trust comes from OpenSSL's handshake, or from `checkChain`.
 */
export function describeCertificate(pem: string): NodeDescription {
  return describeNode(readCertificate(pem));
}

/** SHA-256 of a root's DER, 32 bytes: what join tokens carry. Throws `pki.certificate-invalid`. */
export function authorityDigest(pem: string): Buffer {
  return createHash('sha256').update(readCertificate(pem).x509.raw).digest();
}

/** Until when a root is valid, in ms since 1970. Throws `pki.certificate-invalid`. */
export function authorityEnd_ms(pem: string): number {
  return readCertificate(pem).notAfter_ms;
}

/** One PEM text for each certificate. Throws `pki.certificate-invalid` beyond 16 certificates or 64 KiB, and for other text. */
export function splitPemBundle(pem: string): readonly string[] {
  return decodePem(CERTIFICATE_PEM, pem).map((der) => encodePem(CERTIFICATE_PEM, der));
}

/** Reads PEM with exactly one certificate; throws `pki.certificate-invalid`. */
export function readCertificate(pem: string): Certificate {
  const [der, ...more] = decodePem(CERTIFICATE_PEM, pem);
  if (der === undefined || more.length > 0) {
    throw certificateInvalid('the PEM text holds several certificates where one is due');
  }
  let certificate: Certificate;
  try {
    const x509 = new X509Certificate(der);
    certificate = {
      x509,
      publicKey: x509.publicKey,
      notBefore_ms: Date.parse(x509.validFrom),
      notAfter_ms: Date.parse(x509.validTo),
    };
  } catch (cause) {
    throw certificateInvalid('the certificate cannot be read', cause);
  }
  // OpenSSL passes over bytes after the certificate; with them one certificate would have many digests.
  if (!certificate.x509.raw.equals(der)) {
    throw certificateInvalid('the certificate is followed by other bytes');
  }
  if (Number.isNaN(certificate.notBefore_ms) || Number.isNaN(certificate.notAfter_ms)) {
    throw certificateInvalid('the certificate has a validity period that cannot be read');
  }
  publicKeyFingerprint(certificate.publicKey);
  return certificate;
}

/** See `describeCertificate`. */
export function describeNode({ x509, publicKey, notBefore_ms, notAfter_ms }: Certificate): NodeDescription {
  if (x509.ca) {
    throw certificateInvalid('the certificate is that of a CA, not of a node');
  }
  const subject = parseNodeName(x509.subject);
  const issuer = parseAuthorityName(x509.issuer);
  if (
    subject === undefined ||
    issuer?.clusterId !== subject.clusterId ||
    x509.subjectAltName !==
      dnsNames(subject)
        .map((name) => `DNS:${name}`)
        .join(', ') ||
    // Node's name for what X.509 calls the extended key usage.
    x509.keyUsage?.join() !== EXTENDED_KEY_USAGE[subject.role].join()
  ) {
    throw certificateInvalid('the certificate is none that coffer issues to nodes');
  }
  return {
    subject,
    serial: x509.serialNumber.toLowerCase(),
    notBefore_ms,
    notAfter_ms,
    fingerprint: createHash('sha256').update(x509.raw).digest('hex'),
    publicKeyFingerprint: publicKeyFingerprint(publicKey),
    issuerKeyId: issuer.keyId,
  };
}

export function certificateInvalid(sentence: string, cause?: unknown): CofferError {
  return new CofferError('pki.certificate-invalid', sentence, cause === undefined ? {} : { cause });
}
