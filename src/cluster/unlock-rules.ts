// SPDX-License-Identifier: Apache-2.0
// Whether a locked manager may have the unlock key: pure, so that it can be held against a table.
import { CofferError } from '../common/index.ts';
import type { ClusterView } from '../membership/index.ts';
import type { PeerIdentity } from '../transport/index.ts';
import { removedNode, unknownNode } from './node-refusals.ts';

/**
 * Why a peer whose certificate the CA has issued is not unlocked; undefined if it may be. The certificate may be years old:
 * what counts is what this manager's own state says of the node and of its key now.
 */
export function unlockRefusal(
  { nodeId, publicKeyFingerprint, role }: Pick<PeerIdentity, 'nodeId' | 'role' | 'publicKeyFingerprint'>,
  view: ClusterView,
): CofferError | undefined {
  if (role !== 'unlock') {
    return new CofferError('cluster.role', `node ${nodeId} is a ${role}, and this is for locked managers`);
  }
  const node = view.node(nodeId);
  if (node === undefined) {
    return view.revocation(nodeId) === undefined ? unknownNode(nodeId) : removedNode(nodeId);
  }
  if (node.role !== 'manager' || node.leaving !== 'no') {
    return new CofferError('cluster.role', `node ${nodeId} is a manager no longer`);
  }
  if (view.autolock?.peerUnlock === undefined) {
    return new CofferError('unlock.peer-refused', 'peer unlock is off in this cluster', {
      hint: 'Unlock the node with the unlock key: docker coffer unlock',
    });
  }
  return view.peerUnlock(nodeId)?.publicKeyFingerprint === publicKeyFingerprint
    ? undefined
    : new CofferError('unlock.peer-refused', `node ${nodeId} is not known by this key`, {
        hint: 'Unlock the node with the unlock key: docker coffer unlock',
      });
}
