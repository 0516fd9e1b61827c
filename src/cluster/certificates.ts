// SPDX-License-Identifier: Apache-2.0
// Certificates as the cluster's CA issues them, from what the replicated state holds of it.
import { X509Certificate, type KeyObject } from 'node:crypto';
import { CofferError } from '../common/index.ts';
import type { AuthorityObject, ClusterView, NodeCertificate } from '../membership/index.ts';
import {
  authorityDigest,
  createAuthority,
  crossSign,
  describeCertificate,
  exportKey,
  importKey,
  issueCertificate,
  type NodeSubject,
} from '../pki/index.ts';

/** Throws `store.unavailable` while the cluster has no CA. */
export function requireAuthority(view: ClusterView): AuthorityObject {
  if (view.authority === undefined) {
    throw new CofferError('store.unavailable', 'the cluster has no CA yet', {
      hint: 'Try again in a moment.',
    });
  }
  return view.authority;
}

export function newAuthority(clusterId: string, now_ms: number): AuthorityObject {
  const { certificate, privateKey } = createAuthority({ clusterId, now_ms });
  return { kind: 'authority', certificate, privateKey: exportKey(privateKey), rotation: undefined };
}

/** The authority as it is while a new root takes the old one's place. */
export function nextAuthority(current: AuthorityObject, clusterId: string, now_ms: number): AuthorityObject {
  const previous = { certificate: current.certificate, privateKey: importKey(current.privateKey) };
  const next = createAuthority({ clusterId, now_ms });
  return {
    kind: 'authority',
    certificate: next.certificate,
    privateKey: exportKey(next.privateKey),
    rotation: {
      previous: current.certificate,
      crossSigned: crossSign({ by: previous, subject: next, now_ms }),
      startedAt_ms: now_ms,
    },
  };
}

/** PEM of all roots that are trusted now, the one that issues first. */
export function rootsOf({ certificate, rotation }: AuthorityObject): readonly string[] {
  return rotation === undefined ? [certificate] : [certificate, rotation.previous];
}

/** What a node shows: its own certificate, and what leads from there to the old root if only the new one has issued it. */
export function chainOf(
  authority: AuthorityObject,
  { authorityDigest: issuer, certificate }: Pick<NodeCertificate, 'authorityDigest' | 'certificate'>,
): readonly string[] {
  const { rotation } = authority;
  return rotation !== undefined && issuer === digestOf(authority)
    ? [certificate, rotation.crossSigned]
    : [certificate];
}

/** SHA-256 of the root that issues, in hexadecimal. */
export function digestOf({ certificate }: AuthorityObject): string {
  return authorityDigest(certificate).toString('hex');
}

export function rootEnd_ms({ certificate }: AuthorityObject): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}

/** A certificate for the key, of whoever the subject is. */
export function issueFor(
  view: ClusterView,
  subject: NodeSubject,
  publicKey: KeyObject,
  now_ms: number,
): NodeCertificate {
  const authority = requireAuthority(view);
  return issueBy(authority, subject, publicKey, now_ms, view.settings.certificateLifetime_ms);
}

export function issueBy(
  authority: AuthorityObject,
  subject: NodeSubject,
  publicKey: KeyObject,
  now_ms: number,
  lifetime_ms: number,
): NodeCertificate {
  const issuer = { certificate: authority.certificate, privateKey: importKey(authority.privateKey) };
  const certificate = issueCertificate({ authority: issuer, publicKey, subject, now_ms, lifetime_ms });
  const { notAfter_ms, publicKeyFingerprint } = describeCertificate(certificate);
  return { certificate, publicKeyFingerprint, authorityDigest: digestOf(authority), notAfter_ms };
}
