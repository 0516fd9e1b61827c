// SPDX-License-Identifier: Apache-2.0
// The rules of the cluster: a pure function from its objects and a command to their changes. No clock, no randomness, no
// I/O: every manager that applies the same log arrives at the same objects.
import { CofferError, unreachable } from '../common/index.ts';
import { acknowledgeAuditLoss, putAuditHead, withoutAuditHead } from './audit-head-rules.ts';
import { registerPeerUnlock, setAutolock, setPeerUnlock, withoutRegistration } from './autolock-rules.ts';
import type { ClusterView, ObjectEffect } from './cluster-index.ts';
import type {
  AdmitNode,
  BeginRotation,
  ClusterCommand,
  DescribeNode,
  FinishRotation,
  PutToken,
  RenewCertificate,
  RetireManager,
  RevokeToken,
  SetRole,
} from './command.ts';
import { existing, put, remove } from './effects.ts';
import { applyGrantCommand } from './grant-rules.ts';
import { applyMaintenanceCommand } from './maintenance-rules.ts';
import { applyPolicyCommand } from './policy-rules.ts';
import { applyRotationCommand } from './rotation-rules.ts';
import { applySealingKeyCommand } from './sealing-key-rules.ts';
import {
  CERTIFICATE_LIFETIME_MAX_MS,
  CERTIFICATE_LIFETIME_MIN_MS,
  MANAGERS_MAX,
  type NodeObject,
  type NodeRole,
  NODES_MAX,
  REVOCATION_GRACE_MS,
  type SettingsObject,
  TOKENS_MAX,
} from './model.ts';

/** Throws a `cluster.*`, `grant.*`, `policy.*`, `rotation.*` or `sealing.*` code for a command that is refused; such a command changes nothing. */
export function applyClusterCommand(view: ClusterView, command: ClusterCommand): readonly ObjectEffect[] {
  switch (command.kind) {
    case 'establish-cluster':
      return view.authority === undefined ? [put(command.authority), put(command.node)] : [];
    case 'put-token':
      return putToken(view, command);
    case 'revoke-token':
      return revokeToken(view, command);
    case 'admit-node':
      return admitNode(view, command);
    case 'renew-certificate':
      return renewCertificate(view, command);
    case 'describe-node':
      return describeNode(view, command);
    case 'retire-manager':
      return retireManager(view, command);
    case 'set-role':
      return setRole(view, command);
    case 'remove-node':
      return removeNode(view, command.nodeId, command.at_ms);
    case 'begin-rotation':
      return beginRotation(view, command);
    case 'finish-rotation':
      return finishRotation(view, command);
    case 'forget-expired':
      return forgetExpired(view, command.at_ms);
    case 'change-settings':
      return changeSettings(command.settings);
    case 'set-autolock':
      return setAutolock(view, command.autolock);
    case 'set-peer-unlock':
      return setPeerUnlock(view, command.enabled);
    case 'register-peer-unlock':
      return registerPeerUnlock(view, command);
    case 'ask-purge':
    case 'set-data-key-schedule':
    case 'set-backup-schedule':
    case 'report-data-key':
      return [put(applyMaintenanceCommand(view, command))];
    case 'put-audit-head':
      return putAuditHead(view, command.head);
    case 'acknowledge-audit-loss':
      return acknowledgeAuditLoss(view, command);
    case 'put-grant':
    case 'remove-grant':
      return applyGrantCommand(view, command);
    case 'put-policy-rule':
    case 'remove-policy-rule':
    case 'set-policy-default':
      return applyPolicyCommand(view, command);
    case 'step-rotation':
    case 'end-rotation':
    case 'hold-rotation':
      return applyRotationCommand(view, command);
    case 'add-sealing-key':
    case 'restore-sealing-key':
    case 'forget-sealing-key':
      return applySealingKeyCommand(view, command);
    default:
      return unreachable(command);
  }
}

/** Throws unless a node may join with the token at that time. */
export function checkToken(view: ClusterView, tokenId: string, role: NodeRole, at_ms: number): void {
  const token = view.token(tokenId);
  const hint = `On a manager, docker coffer join-token ${role} makes a new one.`;
  if (token === undefined || token.role !== role) {
    throw new CofferError(
      'cluster.token-invalid',
      'the cluster does not know this join token, or no longer',
      {
        hint,
      },
    );
  }
  if (at_ms >= token.expiresAt_ms) {
    throw new CofferError('cluster.token-expired', 'the join token has expired', { hint });
  }
  if (token.usesLeft === 0) {
    throw new CofferError('cluster.token-expired', 'the join token was used as often as it may be', { hint });
  }
}

/**
 * The engine that a node is beside, where it says that it is beside `claimed`: empty if another node was there first. A node says so
 * itself, and what its engine runs decides what it is given: nobody takes a place that is taken.
 */
export function ownEngine(view: ClusterView, nodeId: string, claimed: string): string {
  const first = view.nodeByEngine(claimed);
  return first === undefined || first.id === nodeId ? claimed : '';
}

function putToken(view: ClusterView, { token, revokeOthers }: PutToken): readonly ObjectEffect[] {
  const others = view.tokens().filter(({ id }) => id !== token.id);
  const revoked = revokeOthers ? others.filter(({ role }) => role === token.role) : [];
  if (others.length - revoked.length >= TOKENS_MAX) {
    throw new CofferError('cluster.rate-limited', `there are ${TOKENS_MAX} join tokens already`, {
      hint: 'docker coffer join-token --rotate revokes those of a role.',
    });
  }
  return [...revoked.map(remove), put(token)];
}

function revokeToken(view: ClusterView, { id }: RevokeToken): readonly ObjectEffect[] {
  const token = view.token(id);
  if (token === undefined) {
    throw new CofferError('cluster.token-invalid', `there is no join token ${id}`);
  }
  return [remove(token)];
}

function admitNode(view: ClusterView, { node, tokenId, at_ms }: AdmitNode): readonly ObjectEffect[] {
  checkToken(view, tokenId, node.role, at_ms);
  const token = view.token(tokenId);
  if (view.node(node.id) !== undefined || view.revocation(node.id) !== undefined) {
    throw new CofferError('cluster.node-removed', 'the id of a node is used once');
  }
  if (view.nodeByKey(node.certificate.publicKeyFingerprint) !== undefined) {
    throw new CofferError('cluster.node-removed', 'a node with this key has joined already');
  }
  const nodes = view.nodes();
  if (nodes.length >= NODES_MAX) {
    throw new CofferError('cluster.quorum', `a cluster has ${NODES_MAX} nodes at most`);
  }
  if (node.role === 'manager') {
    requireRoomForManager(nodes);
  }
  const used = token === undefined ? [] : [put({ ...token, usesLeft: token.usesLeft - 1 })];
  return [...used, put({ ...node, engineNodeId: ownEngine(view, node.id, node.engineNodeId) })];
}

function renewCertificate(
  view: ClusterView,
  { nodeId, role, certificate }: RenewCertificate,
): readonly ObjectEffect[] {
  const node = existing(view, nodeId);
  if (node.role !== role) {
    throw new CofferError('cluster.role', `node ${nodeId} is a ${node.role} now`);
  }
  return [put({ ...node, certificate })];
}

function describeNode(view: ClusterView, command: DescribeNode): readonly ObjectEffect[] {
  const node = existing(view, command.nodeId);
  const { hostname, address } = command;
  const engineNodeId = ownEngine(view, node.id, command.engineNodeId);
  const same = node.hostname === hostname && node.address === address && node.engineNodeId === engineNodeId;
  return same ? [] : [put({ ...node, hostname, address, engineNodeId })];
}

function retireManager(view: ClusterView, { nodeId, leaving }: RetireManager): readonly ObjectEffect[] {
  const node = existing(view, nodeId);
  if (node.role !== 'manager') {
    throw new CofferError('cluster.role', `node ${node.hostname} is no manager`);
  }
  requireAnotherManager(view, node, leaving);
  return [put({ ...node, leaving }), ...withoutRegistration(view, nodeId)];
}

function setRole(view: ClusterView, { nodeId, role, raftId }: SetRole): readonly ObjectEffect[] {
  const node = existing(view, nodeId);
  if (node.role === role) {
    return [];
  }
  if (role === 'worker') {
    requireAnotherManager(view, node, 'demoted');
    return [
      put({ ...node, role, raftId: 0, leaving: 'no' }),
      ...withoutRegistration(view, nodeId),
      ...withoutReport(view, nodeId),
      ...withoutAuditHead(view, nodeId),
    ];
  }
  requireRoomForManager(view.nodes());
  return [put({ ...node, role, raftId, leaving: 'no' })];
}

function removeNode(view: ClusterView, nodeId: string, at_ms: number): readonly ObjectEffect[] {
  const node = existing(view, nodeId);
  if (node.role === 'manager') {
    requireAnotherManager(view, node, 'removed');
  }
  const until_ms = Math.max(at_ms, node.certificate.notAfter_ms) + REVOCATION_GRACE_MS;
  const { hostname } = node;
  return [
    remove(node),
    ...withoutRegistration(view, nodeId),
    put({ kind: 'revocation', nodeId, hostname, removedAt_ms: at_ms, until_ms }),
    ...withoutReport(view, nodeId),
    ...withoutAuditHead(view, nodeId),
    ...view.grantsOf(nodeId).map(remove),
  ];
}

/** Its store is deleted, or counts no more. */
function withoutReport(view: ClusterView, nodeId: string): readonly ObjectEffect[] {
  const report = view.dataKeyReport(nodeId);
  return report === undefined ? [] : [remove(report)];
}

function beginRotation(view: ClusterView, { authority }: BeginRotation): readonly ObjectEffect[] {
  const current = view.authority;
  if (current?.rotation !== undefined) {
    throw new CofferError('cluster.rotation-running', 'the CA is being rotated already', {
      hint: 'docker coffer ca says how far it is.',
    });
  }
  if (authority.rotation === undefined || authority.rotation.previous !== current?.certificate) {
    throw new CofferError('cluster.rotation-running', 'the CA was rotated in the meantime');
  }
  return [put(authority)];
}

function finishRotation(view: ClusterView, { certificate }: FinishRotation): readonly ObjectEffect[] {
  const { authority } = view;
  if (authority?.rotation === undefined || authority.certificate !== certificate) {
    return [];
  }
  return [put({ ...authority, rotation: undefined }), ...view.tokens().map(remove)];
}

function forgetExpired(view: ClusterView, at_ms: number): readonly ObjectEffect[] {
  const tokens = view.tokens().filter(({ expiresAt_ms }) => expiresAt_ms <= at_ms);
  const revocations = view.revocations().filter(({ until_ms }) => until_ms <= at_ms);
  return [...tokens, ...revocations].map(remove);
}

function changeSettings(settings: SettingsObject): readonly ObjectEffect[] {
  const { certificateLifetime_ms: lifetime_ms } = settings;
  if (lifetime_ms < CERTIFICATE_LIFETIME_MIN_MS || lifetime_ms > CERTIFICATE_LIFETIME_MAX_MS) {
    throw new CofferError('cluster.lifetime', 'a certificate lasts an hour at least, and ten years at most');
  }
  return [put(settings)];
}

function requireAnotherManager(view: ClusterView, node: NodeObject, what: string): void {
  const stays = (other: NodeObject): boolean =>
    other.id !== node.id && other.role === 'manager' && other.leaving === 'no';
  if (!view.nodes().some(stays)) {
    throw new CofferError('cluster.quorum', `the last manager cannot be ${what}`, {
      hint: 'Let another manager join first.',
    });
  }
}

function requireRoomForManager(nodes: readonly NodeObject[]): void {
  if (nodes.filter(({ role }) => role === 'manager').length >= MANAGERS_MAX) {
    throw new CofferError('cluster.quorum', `a cluster has ${MANAGERS_MAX} managers at most`, {
      hint: 'Three or five are what most clusters need; let it join as a worker.',
    });
  }
}
