// SPDX-License-Identifier: Apache-2.0
// Who is at the other end, read from a certificate whose chain OpenSSL has verified.
import { createHash, X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { CofferError } from '../common/index.ts';

/** `unlock`: a locked manager, by the certificate that it has for this alone. */
export type NodeRole = 'manager' | 'worker' | 'unlock';

export interface PeerIdentity {
  /** The certificate's common name. */
  readonly nodeId: string;
  /** The certificate's organisational unit, `coffer-` and the role. */
  readonly role: NodeRole;
  /** The certificate's organisation. */
  readonly clusterId: string;
  /** SHA-256 of the DER of the SubjectPublicKeyInfo, in lower-case hexadecimal. */
  readonly publicKeyFingerprint: string;
  readonly notAfter_ms: number;
  /** Where the connection came from, or leads to: an IP address. */
  readonly address: string;
}

/** What must be in the certificate of the node that is called. */
export interface ExpectedIdentity {
  /** Absent: any node. */
  readonly nodeId?: string;
  /** Absent: whatever the roots vouch for. */
  readonly clusterId?: string;
  readonly role: NodeRole;
}

const ROLES: Readonly<Record<string, NodeRole>> = {
  'coffer-manager': 'manager',
  'coffer-worker': 'worker',
  'coffer-unlock': 'unlock',
};

/** Names are short; what is longer is nobody's. */
const NAME_CHARACTERS_MAX = 128;

/** Throws `pki.certificate-invalid` if the certificate does not name a node, a role and a cluster, each once. */
export function readIdentity(certificate: X509Certificate, address: string): PeerIdentity {
  try {
    // Not the `subject` text, whose lines a name with a newline could imitate.
    const subject: Readonly<Record<string, unknown>> = { ...certificate.toLegacyObject().subject };
    const unit = nameIn(subject, 'OU');
    const role = Object.hasOwn(ROLES, unit) ? ROLES[unit] : undefined;
    if (role === undefined) {
      throw new CofferError('pki.certificate-invalid', 'the certificate names no role of a node');
    }
    return {
      nodeId: nameIn(subject, 'CN'),
      role,
      clusterId: nameIn(subject, 'O'),
      publicKeyFingerprint: publicKeyFingerprint(certificate),
      notAfter_ms: Date.parse(certificate.validTo),
      address,
    };
  } catch (thrown) {
    throw CofferError.from(thrown, 'pki.certificate-invalid');
  }
}

/** A node sends its own certificate and those between it and the root. */
const CHAIN_LENGTH_MAX = 8;

/**
 * The certificates that the other side has shown, its own first, and behind them those of this side's roots that they
 * lead to. (Not `getPeerX509Certificate`: in Node 20 it takes the certificate out of a client's connection.)
 */
export function shownCertificates(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  // Node gives an empty object for none, and a circle for a self-signed one.
  let next: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < CHAIN_LENGTH_MAX) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate;
  }
  return chain;
}

/** SHA-256 of the DER of the SubjectPublicKeyInfo, in lower-case hexadecimal. */
export function publicKeyFingerprint(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex');
}

/** Why `identity` is not the expected one: `pki.certificate-invalid`, or `cluster.role`. */
export function identityMismatch(
  identity: Pick<PeerIdentity, 'nodeId' | 'clusterId' | 'role'>,
  expect: ExpectedIdentity,
): CofferError | undefined {
  const { nodeId, clusterId, role } = identity;
  if (expect.clusterId !== undefined && clusterId !== expect.clusterId) {
    return new CofferError(
      'pki.certificate-invalid',
      `the other node belongs to cluster ${clusterId}, and not to ${expect.clusterId}`,
    );
  }
  if (expect.nodeId !== undefined && nodeId !== expect.nodeId) {
    return new CofferError(
      'pki.certificate-invalid',
      `node ${nodeId} answers where node ${expect.nodeId} should`,
      { hint: 'Look at the addresses of the nodes: `docker coffer node ls`.' },
    );
  }
  return role === expect.role
    ? undefined
    : new CofferError('cluster.role', `node ${nodeId} is a ${role}, and not a ${expect.role}`);
}

function nameIn(subject: Readonly<Record<string, unknown>>, attribute: string): string {
  const value = Object.hasOwn(subject, attribute) ? subject[attribute] : undefined;
  // An attribute that is there twice is a list.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value) || value.length > NAME_CHARACTERS_MAX) {
    throw new CofferError('pki.certificate-invalid', `the certificate has no usable ${attribute}`);
  }
  return value;
}
