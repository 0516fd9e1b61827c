// SPDX-License-Identifier: Apache-2.0
// Who may speak which protocol: pure, so that it can be held against a table.
import { CofferError } from '../common/index.ts';
import type { ClusterView } from '../membership/index.ts';
import type { PeerIdentity } from '../transport/index.ts';
import type { ManagerContact } from './identity.ts';
import { removedNode, unknownNode } from './node-refusals.ts';
import { unlockRefusal } from './unlock-rules.ts';

/** The protocols of a node's port, by their ALPN names. */
export const PROTOCOL = {
  /** The messages of the log, between managers. */
  raft: 'coffer-raft/1',
  /** States for managers that are too far behind, each over a connection of its own. */
  snapshot: 'coffer-snapshot/1',
  /** What a node asks of a manager. */
  member: 'coffer-member/1',
  /** What a stranger may ask. */
  join: 'coffer-join/1',
  /** What a manager asks that is locked. */
  unlock: 'coffer-unlock/1',
} as const;

export interface AuthorizeOptions {
  readonly clusterId: string;
  readonly view: ClusterView;
  readonly now_ms: number;
  /** The managers that this node was told of when it joined: it believes them until it has a state of its own. */
  readonly contacts: readonly ManagerContact[];
}

/**
 * Why a peer whose certificate the CA has issued is refused all the same; undefined if it may speak. Nodes are let in
 * because they are known, not because they are not listed as removed.
 */
export function refusalOf(
  peer: Pick<PeerIdentity, 'clusterId' | 'nodeId' | 'role' | 'notAfter_ms' | 'publicKeyFingerprint'>,
  protocol: string,
  { clusterId, contacts, now_ms, view }: AuthorizeOptions,
): CofferError | undefined {
  const { nodeId, role } = peer;
  if (peer.clusterId !== clusterId) {
    return new CofferError('pki.certificate-invalid', `node ${nodeId} is of another cluster`);
  }
  // At the handshake OpenSSL has looked; the connection may have outlived the certificate.
  if (peer.notAfter_ms <= now_ms) {
    return new CofferError('pki.certificate-invalid', `the certificate of node ${nodeId} has expired`);
  }
  if (protocol === PROTOCOL.unlock) {
    return unlockRefusal(peer, view);
  }
  if (role === 'unlock') {
    return new CofferError('cluster.role', `node ${nodeId} shows what it is to be unlocked by, and no more`);
  }
  const managersOnly = protocol === PROTOCOL.raft || protocol === PROTOCOL.snapshot;
  if (managersOnly && role !== 'manager') {
    return new CofferError('cluster.role', `node ${nodeId} is a ${role}, and this is between managers`);
  }
  if (view.authority === undefined) {
    return contacts.some((contact) => contact.nodeId === nodeId) ? undefined : unknownNode(nodeId);
  }
  const node = view.node(nodeId);
  if (node === undefined) {
    return view.revocation(nodeId) === undefined ? unknownNode(nodeId) : removedNode(nodeId);
  }
  if (managersOnly && node.role !== 'manager') {
    return new CofferError('cluster.role', `node ${nodeId} is a manager no longer`);
  }
  return undefined;
}
