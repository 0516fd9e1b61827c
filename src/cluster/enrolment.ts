// SPDX-License-Identifier: Apache-2.0
// The identity of a manager beside its store: made with a new cluster, kept, or made again when told to.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { hostname } from 'node:os';
import { CofferError, type Logger } from '../common/index.ts';
import { exportKey } from '../pki/index.ts';
import type { ReplicatedStore } from '../store/index.ts';
import { chainOf, issueBy, issueFor, newAuthority, rootsOf } from './certificates.ts';
import { managerContacts } from './contacts.ts';
import { identityProblem, type NodeIdentityFile } from './identity.ts';
import { standInChange } from './stand-in.ts';

export interface EnrolOptions {
  readonly store: ReplicatedStore;
  /** What the disk holds. */
  readonly before: NodeIdentityFile | undefined;
  /** A key that nothing was issued for yet. */
  readonly key: KeyObject;
  /** Where others reach this node. */
  readonly address: string;
  readonly engineNodeId: string;
  /** Whether a certificate that is gone may be replaced. */
  readonly reenrol: boolean;
  /** Writes an identity to the disk. */
  readonly keep: (identity: NodeIdentityFile) => Promise<void>;
  readonly now_ms: () => number;
  readonly logger: Logger;
}

/**
 * The identity to use with the store. Throws `cluster.identity-missing` if there is none that belongs to it (or none to make
 * it from), and as `standInFor` does for one that has expired.
 */
export async function enrol(options: EnrolOptions): Promise<NodeIdentityFile> {
  const { before, logger, now_ms, reenrol, store } = options;
  const { confState, index } = store.replica.state;
  const { clusterId, nodeId, raftId } = store.replica.identity;
  const alone = confState.voters.join() === String(raftId);
  if (index.cluster.authority === undefined && alone) {
    return found(options);
  }
  const ofStore = before?.clusterId === clusterId && before.nodeId === nodeId && before.raftId === raftId;
  if (before === undefined || !ofStore) {
    if (!reenrol) {
      throw identityProblem(
        before === undefined
          ? 'the certificate of this node is gone, though it is in a cluster'
          : 'the certificate of this node belongs to another store',
      );
    }
    return renewed(options);
  }
  const change = standInChange({ identity: before, view: index.cluster, now_ms: now_ms() });
  if (change !== undefined) {
    logger.warn('the certificate of this node is not valid now; it stands in for it', { node: nodeId });
  }
  return { ...before, ...change, storeMade: true };
}

/** The certificate is on the disk before the CA is in the log: a crash in between begins anew. */
async function found(options: EnrolOptions): Promise<NodeIdentityFile> {
  const { address, engineNodeId, keep, key, logger, now_ms, store } = options;
  const { clusterId, nodeId, raftId } = store.replica.identity;
  const at_ms = now_ms();
  const authority = newAuthority(clusterId, at_ms);
  const subject = { clusterId, nodeId, role: 'manager' } as const;
  const { certificateLifetime_ms: lifetime_ms } = store.cluster.settings;
  const certificate = issueBy(authority, subject, createPublicKey(key), at_ms, lifetime_ms);
  const identity: NodeIdentityFile = {
    ...subject,
    raftId,
    storeMade: true,
    certificates: [certificate.certificate],
    key: exportKey(key),
    roots: [authority.certificate],
    managers: [],
  };
  await keep(identity);
  await store.propose({
    kind: 'establish-cluster',
    authority,
    node: {
      kind: 'node',
      id: nodeId,
      role: 'manager',
      raftId,
      leaving: 'no',
      hostname: hostname(),
      address,
      engineNodeId,
      joinedAt_ms: at_ms,
      certificate,
    },
  });
  logger.info('made a new cluster with a CA of its own', { cluster: clusterId });
  return identity;
}

/** A manager has the CA's key, and can issue for itself. */
function renewed({ key, logger, now_ms, store }: EnrolOptions): NodeIdentityFile {
  const { clusterId, nodeId, raftId } = store.replica.identity;
  const { cluster } = store;
  const { authority } = cluster;
  if (authority === undefined) {
    throw new CofferError('cluster.identity-missing', 'this node has joined, and had not caught up yet', {
      hint: 'It cannot make itself a certificate. Remove it on another manager, and let it join under a new id.',
    });
  }
  const subject = { clusterId, nodeId, role: 'manager' } as const;
  const certificate = issueFor(cluster, subject, createPublicKey(key), now_ms());
  logger.warn('this node has made itself a new certificate', { node: nodeId });
  return {
    ...subject,
    raftId,
    storeMade: true,
    certificates: chainOf(authority, certificate),
    key: exportKey(key),
    roots: rootsOf(authority),
    managers: managerContacts(cluster),
  };
}
