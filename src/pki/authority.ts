// SPDX-License-Identifier: Apache-2.0
// The cluster's CA: its root, the cross-signed root of a rotation, and the certificates that it issues.
import type { KeyObject } from 'node:crypto';
import { invariant } from '../common/index.ts';
import { type Certificate, certificateInvalid, readCertificate } from './certificate.ts';
import type { DerElement } from './der.ts';
import { authorityExtensions, nodeExtensions } from './extensions.ts';
import { generateKey, keyIdentifier } from './key.ts';
import {
  authorityName,
  type AuthoritySubject,
  nodeName,
  type NodeSubject,
  parseAuthorityName,
} from './subject.ts';
import { BACKDATE_MS, checkLifetime, checkValidAt, writeCertificate } from './write-certificate.ts';

/** How long a root lives: 20 years of 365 days (as in swarmkit, ca/certificates.go). */
export const AUTHORITY_LIFETIME_MS = 20 * 365 * 86_400_000;

/** A root: its certificate in PEM, and its private key. */
export interface Authority {
  readonly certificate: string;
  readonly privateKey: KeyObject;
}

export interface CreateAuthorityOptions {
  readonly clusterId: string;
  readonly now_ms: number;
  /** From `now_ms` on; 20 years if absent. */
  readonly lifetime_ms?: number;
  /** A P-256 private key; a new one if absent. */
  readonly key?: KeyObject;
}

export interface CrossSignOptions {
  /** The root that all nodes trust. */
  readonly by: Authority;
  /** The root that is to replace it. */
  readonly subject: Authority;
  readonly now_ms: number;
}

export interface IssueOptions {
  readonly authority: Authority;
  /** A P-256 key whose owner has proven to have the private one: see `publicKeyOfRequest`. */
  readonly publicKey: KeyObject;
  readonly subject: NodeSubject;
  readonly now_ms: number;
  readonly lifetime_ms: number;
}

/** A self-signed root for a cluster. Its name holds its key's id, so that no two roots share one. */
export function createAuthority(options: CreateAuthorityOptions): Authority {
  const { clusterId, now_ms, lifetime_ms = AUTHORITY_LIFETIME_MS, key = generateKey() } = options;
  checkLifetime(lifetime_ms);
  return selfSigned(authorityName({ clusterId, keyId: keyIdentifier(key) }), key, now_ms, lifetime_ms);
}

/** A root of that name. A path below it may have one more CA: the root that is to replace it, which it cross-signs. */
export function selfSigned(name: DerElement, key: KeyObject, now_ms: number, lifetime_ms: number): Authority {
  const certificate = writeCertificate({
    issuer: name,
    subject: name,
    subjectKey: key,
    signingKey: key,
    validity: { from_ms: now_ms - BACKDATE_MS, to_ms: now_ms + lifetime_ms },
    extensions: authorityExtensions({ subjectKey: key, issuerKey: key }, 1),
  });
  return { certificate, privateKey: key };
}

/**
 * The new root's name and key in a certificate of the old root, in PEM: beside a node's certificate of the new root it
 * convinces those that still trust only the old one. It issues to nodes alone, and ends no later than either root.
 */
export function crossSign({ by, subject, now_ms }: CrossSignOptions): string {
  const [issuer, next] = [openAuthority(by), openAuthority(subject)];
  invariant(issuer.name.clusterId === next.name.clusterId, 'a root cross-signs only for its own cluster');
  invariant(issuer.name.keyId !== next.name.keyId, 'a root does not cross-sign itself');
  checkValidAt(issuer.root, now_ms);
  checkValidAt(next.root, now_ms);
  return writeCertificate({
    issuer: authorityName(issuer.name),
    subject: authorityName(next.name),
    subjectKey: subject.privateKey,
    signingKey: by.privateKey,
    validity: {
      from_ms: Math.max(now_ms - BACKDATE_MS, issuer.root.notBefore_ms, next.root.notBefore_ms),
      to_ms: Math.min(issuer.root.notAfter_ms, next.root.notAfter_ms),
    },
    extensions: authorityExtensions({ subjectKey: subject.privateKey, issuerKey: by.privateKey }, 0),
  });
}

/**
 * A node's certificate in PEM: valid from an hour ago for `lifetime_ms` from now, or as long as the root. Throws
 * `pki.certificate-invalid` for a key that is not on P-256, and for a root that is not valid at `now_ms`.
 */
export function issueCertificate(options: IssueOptions): string {
  const { authority, publicKey, subject, now_ms, lifetime_ms } = options;
  const { root, name } = openAuthority(authority);
  invariant(subject.clusterId === name.clusterId, 'a root issues only to nodes of its own cluster');
  checkLifetime(lifetime_ms);
  checkValidAt(root, now_ms);
  return writeCertificate({
    issuer: authorityName(name),
    subject: nodeName(subject),
    subjectKey: publicKey,
    signingKey: authority.privateKey,
    validity: {
      from_ms: now_ms - BACKDATE_MS,
      to_ms: Math.min(now_ms + lifetime_ms, root.notAfter_ms),
    },
    extensions: nodeExtensions({ subjectKey: publicKey, issuerKey: authority.privateKey }, subject),
  });
}

/** The id of a root's key: the `issuerKeyId` of what it issues. Throws `pki.certificate-invalid` for what is no root of coffer's. */
export function authorityKeyId(pem: string): string {
  return authoritySubject(readCertificate(pem)).keyId;
}

interface OpenAuthority {
  readonly root: Certificate;
  readonly name: AuthoritySubject;
}

/** A pair that does not belong together would sign what nobody can verify. */
function openAuthority({ certificate, privateKey }: Authority): OpenAuthority {
  const root = readCertificate(certificate);
  if (!root.x509.checkPrivateKey(privateKey)) {
    throw certificateInvalid('the private key is not that of the CA certificate');
  }
  return { root, name: authoritySubject(root) };
}

function authoritySubject({ x509, publicKey }: Certificate): AuthoritySubject {
  const name = parseAuthorityName(x509.subject);
  if (name === undefined || !x509.ca || name.keyId !== keyIdentifier(publicKey)) {
    throw certificateInvalid('the certificate is no CA certificate of coffer');
  }
  return name;
}
