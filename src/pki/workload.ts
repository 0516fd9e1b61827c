// SPDX-License-Identifier: Apache-2.0
// A CA for workloads: apart from the cluster's, whose nodes trust nothing that it issues.
import { invariant } from '../common/index.ts';
import type { KeyObject } from 'node:crypto';
import { addressBytes } from './address-bytes.ts';
import { type Authority, AUTHORITY_LIFETIME_MS, type CrossSignOptions, selfSigned } from './authority.ts';
import { type Certificate, certificateInvalid, readCertificate } from './certificate.ts';
import { authorityExtensions, workloadExtensions, type WorkloadName } from './extensions.ts';
import { generateKey, keyIdentifier } from './key.ts';
import { commonNameAlone } from './subject.ts';
import { BACKDATE_MS, checkLifetime, checkValidAt, writeCertificate } from './write-certificate.ts';

/** What stands in the certificate of a workload. Whoever asks for one has checked the names. */
export interface WorkloadSubject {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** In their usual text form. */
  readonly addresses: readonly string[];
  readonly usages: readonly ('server' | 'client')[];
}

export interface IssueToWorkloadOptions {
  readonly authority: Authority;
  /** A P-256 key. */
  readonly publicKey: KeyObject;
  readonly subject: WorkloadSubject;
  readonly now_ms: number;
  readonly lifetime_ms: number;
}

/** A self-signed root for workloads, for 20 years. */
export function createWorkloadAuthority(now_ms: number): Authority {
  const key = generateKey();
  return selfSigned(commonNameAlone(authorityName(key)), key, now_ms, AUTHORITY_LIFETIME_MS);
}

/** The new root's name and key under the old root's signature: it convinces those that trust the old one alone. */
export function crossSignWorkloadAuthority({ by, subject, now_ms }: CrossSignOptions): string {
  const [issuer, next] = [openRoot(by, now_ms), openRoot(subject, now_ms)];
  invariant(!issuer.publicKey.equals(next.publicKey), 'a root does not cross-sign itself');
  return writeCertificate({
    issuer: commonNameAlone(authorityName(by.privateKey)),
    subject: commonNameAlone(authorityName(subject.privateKey)),
    subjectKey: subject.privateKey,
    signingKey: by.privateKey,
    validity: {
      from_ms: Math.max(now_ms - BACKDATE_MS, issuer.notBefore_ms, next.notBefore_ms),
      to_ms: Math.min(issuer.notAfter_ms, next.notAfter_ms),
    },
    extensions: authorityExtensions({ subjectKey: subject.privateKey, issuerKey: by.privateKey }, 0),
  });
}

/**
 * A workload's certificate in PEM: valid from an hour ago for `lifetime_ms` from now, or as long as the root. Throws
 * `pki.certificate-invalid` for a root that is not valid at `now_ms`.
 */
export function issueToWorkload(options: IssueToWorkloadOptions): string {
  const { authority, lifetime_ms, now_ms, publicKey, subject } = options;
  const root = openRoot(authority, now_ms);
  checkLifetime(lifetime_ms);
  const names: readonly WorkloadName[] = [
    ...subject.dnsNames.map((name) => ({ kind: 'dns' as const, bytes: Buffer.from(name, 'ascii') })),
    ...subject.addresses.map((address) => ({ kind: 'ip' as const, bytes: addressBytes(address) })),
  ];
  return writeCertificate({
    issuer: commonNameAlone(authorityName(authority.privateKey)),
    subject: commonNameAlone(subject.commonName),
    subjectKey: publicKey,
    signingKey: authority.privateKey,
    validity: { from_ms: now_ms - BACKDATE_MS, to_ms: Math.min(now_ms + lifetime_ms, root.notAfter_ms) },
    extensions: workloadExtensions(
      { subjectKey: publicKey, issuerKey: authority.privateKey },
      names,
      subject.usages,
    ),
  });
}

function authorityName(key: KeyObject): string {
  return `coffer workload CA ${keyIdentifier(key)}`;
}

function openRoot({ certificate, privateKey }: Authority, now_ms: number): Certificate {
  const root = readCertificate(certificate);
  if (!root.x509.ca || !root.x509.checkPrivateKey(privateKey)) {
    throw certificateInvalid('the private key is not that of the CA certificate');
  }
  checkValidAt(root, now_ms);
  return root;
}
