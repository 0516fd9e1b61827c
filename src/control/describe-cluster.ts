// SPDX-License-Identifier: Apache-2.0
// What is told of the cluster. As in describe.ts each field is named, so that none leaves by itself: what stands
// behind these descriptions holds the CA's key.
import type {
  AuthorityDescription,
  AutolockDescription,
  DataKeyDescription,
  ClusterDescription,
  NodeDescription,
  NodeReply,
  PurgeDescription,
  Schedules,
  TokenDescription,
  TokenReply,
  UnlockKeyReply,
} from './cluster-wire.ts';

export function describeNode(node: NodeDescription): NodeDescription {
  return {
    id: node.id,
    hostname: node.hostname,
    role: node.role,
    status: node.status,
    leader: node.leader,
    voter: node.voter,
    self: node.self,
    address: node.address,
    engineNodeId: node.engineNodeId,
    joinedAt_ms: node.joinedAt_ms,
    certificate: {
      notAfter_ms: node.certificate.notAfter_ms,
      authorityDigest: node.certificate.authorityDigest,
    },
    matchIndex: node.matchIndex,
  };
}

export function describeNodeReply({ grants, node, warnings }: NodeReply): NodeReply {
  return { node: describeNode(node), warnings, grants };
}

export function describeCluster(cluster: ClusterDescription): ClusterDescription {
  return {
    id: cluster.id,
    createdAt_ms: cluster.createdAt_ms,
    managers: cluster.managers,
    workers: cluster.workers,
    voters: cluster.voters,
    quorum: cluster.quorum,
    reachableVoters: cluster.reachableVoters,
    leader: cluster.leader && { id: cluster.leader.id, hostname: cluster.leader.hostname },
    certificateLifetime_ms: cluster.certificateLifetime_ms,
    revoked: cluster.revoked,
    schedules: cluster.schedules && describeSchedules(cluster.schedules),
    warnings: cluster.warnings,
  };
}

export function describeAuthority(authority: AuthorityDescription): AuthorityDescription {
  const { rotation } = authority;
  return {
    digest: authority.digest,
    certificates: certificatesAlone(authority.certificates),
    notAfter_ms: authority.notAfter_ms,
    rotation: rotation && {
      startedAt_ms: rotation.startedAt_ms,
      nodes: rotation.nodes,
      renewed: rotation.renewed,
      unreachable: rotation.unreachable,
    },
  };
}

export function describeToken(token: TokenDescription): TokenDescription {
  return {
    id: token.id,
    role: token.role,
    createdAt_ms: token.createdAt_ms,
    expiresAt_ms: token.expiresAt_ms,
    usesLeft: token.usesLeft,
  };
}

/** The one reply that holds a token's secret. */
export function describeNewToken({ token, description, addresses }: TokenReply): TokenReply {
  return { token, description: describeToken(description), addresses };
}

export function describeDataKey(key: DataKeyDescription): DataKeyDescription {
  const { id, madeAt_ms, nextAt_ms, problem, rotation, sealed, still_ms } = key;
  return {
    id,
    sealed,
    rotation: rotation && { resealed: rotation.resealed },
    problem,
    madeAt_ms,
    nextAt_ms,
    still_ms,
  };
}

export function describePurge({ askedAt_ms, managers, version }: PurgeDescription): PurgeDescription {
  const described = managers.map(({ done, hostname, id, status }) => ({ id, hostname, status, done }));
  return { version, askedAt_ms, managers: described };
}

export function describeSchedules(schedules: Schedules): Schedules {
  const { backup, dataKey_ms, oldestDataKeyMadeAt_ms } = schedules;
  return {
    dataKey_ms,
    oldestDataKeyMadeAt_ms,
    backup: backup && {
      every_ms: backup.every_ms,
      offset_ms: backup.offset_ms,
      recipients: backup.recipients,
      keep: backup.keep,
    },
  };
}

export function describeAutolock(autolock: AutolockDescription): AutolockDescription {
  const { enabled, freshness, peerUnlock, sealedHere, version } = autolock;
  return {
    enabled,
    version,
    sealedHere,
    peerUnlock: peerUnlock && {
      managers: peerUnlock.managers,
      known: peerUnlock.known,
      knownHere: peerUnlock.knownHere,
    },
    freshness,
  };
}

/** The one reply that holds the unlock key, or shares of it. */
export function describeUnlockKey({ freshness, unlockKey, shares }: UnlockKeyReply): UnlockKeyReply {
  return { unlockKey, shares, freshness };
}

/** Of a PEM text the certificates, and nothing else that may stand between them. */
function certificatesAlone(pem: string): string {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => `${block}\n`).join('');
}
