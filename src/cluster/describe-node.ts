// SPDX-License-Identifier: Apache-2.0
import type { NodeObject } from '../membership/index.ts';
import type { Replica } from '../store/index.ts';
import type { NodeDescription } from './admin-model.ts';

/** A node as the manager sees it whose log `replica` is. `reachable` is undefined while nobody can tell. */
export function describeNode(
  node: NodeObject,
  replica: Replica,
  reachable: boolean | undefined,
): NodeDescription {
  const { address, certificate, engineNodeId, hostname, id, joinedAt_ms, raftId, role } = node;
  const self = raftId !== 0 && raftId === replica.identity.raftId;
  const voter = replica.state.confState.voters.includes(raftId);
  return {
    id,
    hostname,
    role,
    status: statusOf(self ? true : reachable, role === 'manager' && !voter),
    leader: raftId !== 0 && raftId === replica.leader,
    voter,
    self,
    address,
    engineNodeId,
    joinedAt_ms,
    certificate: { notAfter_ms: certificate.notAfter_ms, authorityDigest: certificate.authorityDigest },
    matchIndex: replica.status().progress.get(raftId)?.match,
  };
}

function statusOf(reachable: boolean | undefined, joining: boolean): NodeDescription['status'] {
  if (reachable === undefined) {
    return 'unknown';
  }
  if (!reachable) {
    return 'down';
  }
  return joining ? 'joining' : 'ready';
}
