// SPDX-License-Identifier: Apache-2.0
// The certificate with which a manager meets the others after its own has expired. It holds the CA's key, so nobody need be
// asked; how it is received is for the others, whose handshake and table of nodes are as strict as ever.
import { createPublicKey, X509Certificate } from 'node:crypto';
import { CofferError } from '../common/index.ts';
import type { AuthorityObject, ClusterView, NodeObject } from '../membership/index.ts';
import { describeCertificate, importKey, publicKeyFingerprint } from '../pki/index.ts';
import { removedNode } from './node-refusals.ts';
import { chainOf, issueBy, rootsOf } from './certificates.ts';
import { managerContacts } from './contacts.ts';
import { certificateOf, type NodeIdentityFile } from './identity.ts';

/** The others give it a lasting one through the log; while there is no majority for that, it makes another of these. */
export const STAND_IN_MS = 60 * 60 * 1_000;

/** What a manager whose certificate is not valid has to do. */
export type StandIn =
  /** Nothing: it is valid, or no certificate would help. */
  | { readonly kind: 'none' }
  /** The one that the state names is for the same key, and is valid. */
  | { readonly kind: 'recorded'; readonly authority: AuthorityObject; readonly node: NodeObject }
  | { readonly kind: 'issue'; readonly authority: AuthorityObject };

export interface StandInOptions {
  readonly identity: NodeIdentityFile;
  /** What this manager has applied. */
  readonly view: ClusterView;
  readonly now_ms: number;
  /** A certificate that ends sooner than this is taken for one that has ended. Default: 0. */
  readonly margin_ms?: number;
}

/**
 * Pure. Throws `cluster.identity-expired` if the certificate is not valid any more and none can be made: the CA's own has
 * expired, or the state does not list this manager; and `cluster.node-removed`.
 */
export function standInFor({ identity, view, now_ms, margin_ms = 0 }: StandInOptions): StandIn {
  const isValid = ({ notAfter_ms, notBefore_ms }: Validity): boolean =>
    notBefore_ms <= now_ms && now_ms + margin_ms < notAfter_ms;
  const own = certificateOf(identity);
  if (isValid(own)) {
    return { kind: 'none' };
  }
  const hasEnded = own.notAfter_ms <= now_ms + margin_ms;
  const { authority } = view;
  const node = view.node(identity.nodeId);
  if (authority === undefined || node?.role !== 'manager') {
    return hasEnded ? refuse(identity, view) : { kind: 'none' };
  }
  const recorded = describeCertificate(node.certificate.certificate);
  if (recorded.publicKeyFingerprint === publicKeyFingerprint(importKey(identity.key)) && isValid(recorded)) {
    return { kind: 'recorded', authority, node };
  }
  if (!hasEnded && isBehind(identity, view, now_ms)) {
    return { kind: 'none' };
  }
  const root = validityOf(authority.certificate);
  if (now_ms >= root.notAfter_ms) {
    throw authorityExpired(root.notAfter_ms);
  }
  return now_ms < root.notBefore_ms ? { kind: 'none' } : { kind: 'issue', authority };
}

/** The change that gives the identity a certificate to stand in for its own; undefined if none is to be made. Throws as above. */
export function standInChange(options: StandInOptions): Partial<NodeIdentityFile> | undefined {
  const { identity, now_ms, view } = options;
  const standIn = standInFor(options);
  if (standIn.kind === 'none') {
    return undefined;
  }
  const { authority } = standIn;
  const { clusterId, nodeId } = identity;
  const subject = { clusterId, nodeId, role: 'manager' } as const;
  // For the key that it has: no other is certified before the log has taken it.
  const certificate =
    standIn.kind === 'recorded'
      ? standIn.node.certificate
      : issueBy(authority, subject, createPublicKey(importKey(identity.key)), now_ms, STAND_IN_MS);
  return {
    certificates: chainOf(authority, certificate),
    roots: rootsOf(authority),
    managers: managerContacts(view),
  };
}

/**
 * Whether this node's certificate is of the future because the clock is behind: then whatever were issued now would be of the past. If it
 * is the only one, the clock was ahead when it was made.
 */
function isBehind({ nodeId }: NodeIdentityFile, view: ClusterView, now_ms: number): boolean {
  const others = view.nodes().filter(({ id }) => id !== nodeId);
  return others.some(({ certificate }) => describeCertificate(certificate.certificate).notBefore_ms > now_ms);
}

interface Validity {
  readonly notBefore_ms: number;
  readonly notAfter_ms: number;
}

function validityOf(pem: string): Validity {
  const { validFrom, validTo } = new X509Certificate(pem);
  return { notBefore_ms: Date.parse(validFrom), notAfter_ms: Date.parse(validTo) };
}

function refuse({ nodeId }: NodeIdentityFile, view: ClusterView): never {
  if (view.revocation(nodeId) !== undefined) {
    throw removedNode(nodeId);
  }
  throw new CofferError(
    'cluster.identity-expired',
    "this node's certificate has expired, and its state does not list it as a manager",
    {
      hint: 'Look at the clock. If it is right, remove the node on a manager, and let it join under a new id.',
    },
  );
}

function authorityExpired(notAfter_ms: number): CofferError {
  const at = new Date(notAfter_ms).toISOString();
  return new CofferError(
    'cluster.identity-expired',
    `the CA of this cluster has expired at ${at}: no certificate can be issued, and none is accepted`,
    {
      hint:
        'Look at the clock. If it is right, set it back on all nodes to a time before that, rotate the CA ' +
        '(docker coffer ca --rotate), and set it right again.',
    },
  );
}
