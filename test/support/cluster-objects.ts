// SPDX-License-Identifier: Apache-2.0
// Objects of a cluster for tests: what stands in them means nothing.
import {
  type AuditHeadObject,
  type AuthorityObject,
  type BackupScheduleObject,
  type DataKeyReportObject,
  type GrantObject,
  NO_MARK,
  NOT_HELD,
  type NodeObject,
  type NodeRole,
  type PolicyRuleObject,
  type RevocationObject,
  type RotatedService,
  type RotationObject,
  type SealingKeyObject,
  type TokenObject,
} from '../../src/membership/index.ts';

export const HOUR_MS = 60 * 60 * 1_000;
export const DAY_MS = 24 * HOUR_MS;

export function anAuthority(name = 'root'): AuthorityObject {
  return {
    kind: 'authority',
    certificate: `certificate of ${name}`,
    privateKey: Buffer.from(`key of ${name}`),
    rotation: undefined,
  };
}

export function aSealingKey(id: string, over: Partial<SealingKeyObject> = {}): SealingKeyObject {
  return {
    kind: 'sealing-key',
    id,
    secretKey: Buffer.alloc(32, id),
    clusterId: 'a cluster',
    madeAt_ms: 1_000,
    active: true,
    ...over,
  };
}

export function aNode(name: string, role: NodeRole = 'worker', raftId = 0): NodeObject {
  return {
    kind: 'node',
    id: `id-${name}`,
    role,
    raftId,
    leaving: 'no',
    hostname: name,
    address: role === 'manager' ? `${name}:7373` : '',
    engineNodeId: '',
    joinedAt_ms: 1_000,
    certificate: {
      certificate: `certificate of ${name}`,
      publicKeyFingerprint: `key of ${name}`,
      authorityDigest: 'digest',
      notAfter_ms: 90 * DAY_MS,
    },
  };
}

export function aToken(id: string, role: NodeRole = 'worker', usesLeft = 2): TokenObject {
  return {
    kind: 'token',
    id,
    role,
    secretHash: Buffer.alloc(32, id),
    createdAt_ms: 0,
    expiresAt_ms: HOUR_MS,
    usesLeft,
  };
}

export function aRevocation(nodeId: string): RevocationObject {
  return { kind: 'revocation', nodeId, hostname: 'gone', removedAt_ms: 0, until_ms: DAY_MS };
}

export function aBackupSchedule(over: Partial<BackupScheduleObject> = {}): BackupScheduleObject {
  return {
    kind: 'backup-schedule',
    every_ms: DAY_MS,
    offset_ms: 3 * HOUR_MS,
    recipients: ['a recipient', 'another'],
    keep: 14,
    setAt_ms: 1_000,
    ...over,
  };
}

export function aDataKeyReport(name: string): DataKeyReportObject {
  return {
    kind: 'data-key-report',
    nodeId: `id-${name}`,
    keyId: 'ab'.repeat(8),
    madeAt_ms: 2_000,
    purged: 1,
  };
}

/** Nobody has signed it. */
export function anAuditHead(name: string, over: Partial<AuditHeadObject> = {}): AuditHeadObject {
  return {
    kind: 'audit-head',
    nodeId: `id-${name}`,
    chain: 'chain1',
    seq: 7,
    hash: 'hash7',
    at_ms: 2_000,
    publicKeyFingerprint: 'print',
    signature: Buffer.alloc(72, 5),
    lost: undefined,
    ...over,
  };
}

/** One that allows everybody the secret `db`. */
export function aRule(id: string, over: Partial<PolicyRuleObject> = {}): PolicyRuleObject {
  return {
    kind: 'policy-rule',
    id,
    effect: 'allow',
    secret: 'db',
    service: '',
    stack: '',
    serviceLabels: {},
    image: '',
    node: '',
    nodeLabels: {},
    addedAt_ms: 3_000,
    ...over,
  };
}

/** For a node that is called `first`. */
export function aGrant(id: string, over: Partial<GrantObject> = {}): GrantObject {
  return {
    kind: 'grant',
    id,
    secret: 'db',
    nodeId: 'id-first',
    container: '',
    labels: {},
    image: '',
    grantedAt_ms: 3_000,
    ...over,
  };
}

export function aRotatedService(name: string, over: Partial<RotatedService> = {}): RotatedService {
  return { id: `id-${name}`, name, state: 'waiting', note: '', ...NO_MARK, ...over };
}

/** From version 1 of the secret `db` to version 2, for the services `a` and `b`. */
export function aRotation(id: string, over: Partial<RotationObject> = {}): RotationObject {
  return {
    kind: 'rotation',
    id,
    secretId: 'id-db',
    secretName: 'db',
    fromVersion: 1,
    toVersion: 2,
    restoredVersion: 0,
    phase: 'updating',
    problem: '',
    timeout_ms: 600_000,
    services: [aRotatedService('a'), aRotatedService('b')],
    begunAt_ms: 3_000,
    endedAt_ms: 0,
    ...NOT_HELD,
    ...over,
  };
}
