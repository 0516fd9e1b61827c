// SPDX-License-Identifier: Apache-2.0
// What the managers of a cluster have in common beside its secrets, and the rules by which it changes.
export { ClusterIndex, type ClusterView, type ObjectEffect } from './cluster-index.ts';
export type { ClusterCommand } from './command.ts';
export { isClusterCommand, readClusterCommand, writeClusterCommand } from './command-codec.ts';
export {
  type AuthorityObject,
  type AutolockObject,
  type ClusterObject,
  EARLIER_KEYS_MAX,
  MANAGERS_MAX,
  type NodeCertificate,
  type NodeObject,
  type NodeRole,
  objectKey,
  PEM_BYTES_MAX,
  type PeerUnlockObject,
  type RevocationObject,
  ROLES,
  TEXT_BYTES_MAX,
  type TokenObject,
} from './model.ts';
export type { AuditHeadObject, AuditPlace } from './audit-head.ts';
export { type GrantObject, GRANTS_MAX } from './grant.ts';
export {
  BACKUPS_KEPT_MAX,
  type BackupScheduleObject,
  type DataKeyReportObject,
  type DataKeyScheduleObject,
  SCHEDULE_MAX_MS,
  SCHEDULE_MIN_MS,
} from './maintenance.ts';
export { checkGrant, sameGrant } from './grant-rules.ts';
export { EVERYTHING_ALLOWED, indexedPolicy } from './policy-index.ts';
export {
  type Policy,
  POLICY_RULES_MAX,
  type PolicyDefaultObject,
  type PolicyEffect,
  type PolicyRuleObject,
} from './policy.ts';
export { checkPolicyRule } from './policy-check.ts';
export { samePolicyRule } from './policy-rules.ts';
export { policyNodeOf, type SwarmNode } from './policy-node.ts';
export { policyRefusal } from './policy-refusal.ts';
export { conditionsOf, ruleWords } from './policy-words.ts';
export {
  isAllowingAll,
  type PolicyNode,
  type PolicyRequest,
  projectOf,
  stackOf,
  type Verdict,
  verdict,
} from './policy-verdict.ts';
export { readRotatedServices, writeRotatedServices } from './rotation-codec.ts';
export { begunRotation, runningRotation } from './rotation-rules.ts';
export {
  isRunning,
  NO_MARK,
  NOT_HELD,
  ROTATED_SERVICES_MAX,
  type RotatedService,
  type RotatedState,
  ROTATION_TIMEOUT_MAX_MS,
  ROTATION_TIMEOUT_MIN_MS,
  type RotationMark,
  type RotationObject,
  ROTATIONS_KEPT,
} from './rotation.ts';
export { type SealingKeyObject, SEALING_KEYS_MAX } from './sealing-key.ts';
export { activeSealingKey } from './sealing-key-rules.ts';
export { decodeObject, encodeObject } from './object-codec.ts';
export { applyClusterCommand, checkToken, ownEngine } from './rules.ts';
