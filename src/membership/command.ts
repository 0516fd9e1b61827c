// SPDX-License-Identifier: Apache-2.0
// The commands that change the cluster's objects, as they stand in the replicated log.
import type { RegisterPeerUnlock, SetAutolock, SetPeerUnlock } from './autolock-command.ts';
import type { AcknowledgeAuditLoss, PutAuditHead } from './audit-head.ts';
import type { GrantCommand } from './grant.ts';
import type { PolicyCommand } from './policy.ts';
import type { RotationCommand } from './rotation.ts';
import type { MaintenanceCommand } from './maintenance.ts';
import type { SealingKeyCommand } from './sealing-key.ts';
import type {
  AuthorityObject,
  Leaving,
  NodeCertificate,
  NodeObject,
  NodeRole,
  SettingsObject,
  TokenObject,
} from './model.ts';

/** The CA of a new cluster, and its first manager. Changes nothing if there is a CA already. */
export interface EstablishCluster {
  readonly kind: 'establish-cluster';
  readonly authority: AuthorityObject;
  readonly node: NodeObject;
}

/** A new join token; with `revokeOthers`, all others of that role are refused from now on. */
export interface PutToken {
  readonly kind: 'put-token';
  readonly token: TokenObject;
  readonly revokeOthers: boolean;
}

/** Fails with `cluster.token-invalid` if there is no such token. */
export interface RevokeToken {
  readonly kind: 'revoke-token';
  readonly id: string;
}

/**
 * A node joins with a token, whose secret was compared by the manager that proposes this. Fails with
 * `cluster.token-invalid` or `cluster.token-expired` if the token cannot be used any more, by the proposer's clock.
 */
export interface AdmitNode {
  readonly kind: 'admit-node';
  readonly tokenId: string;
  readonly node: NodeObject;
  readonly at_ms: number;
}

/** A node has a new certificate. Fails with `cluster.role` if it is for a role that the node has no longer. */
export interface RenewCertificate {
  readonly kind: 'renew-certificate';
  readonly nodeId: string;
  readonly role: NodeRole;
  readonly certificate: NodeCertificate;
}

/** What a node says of itself. */
export interface DescribeNode {
  readonly kind: 'describe-node';
  readonly nodeId: string;
  readonly hostname: string;
  readonly address: string;
  readonly engineNodeId: string;
}

/** A manager is to leave the log's configuration. Fails with `cluster.quorum` for the last one that stays. */
export interface RetireManager {
  readonly kind: 'retire-manager';
  readonly nodeId: string;
  readonly leaving: Exclude<Leaving, 'no'>;
}

/** Promotes; or makes a worker of a manager that has left the log. Fails with `cluster.quorum` for the last manager. */
export interface SetRole {
  readonly kind: 'set-role';
  readonly nodeId: string;
  readonly role: NodeRole;
  /** A new one for a node that becomes a manager; 0 for one that becomes a worker. */
  readonly raftId: number;
}

/** The node's certificate is refused from now on, and its id is never used again. */
export interface RemoveNode {
  readonly kind: 'remove-node';
  readonly nodeId: string;
  readonly at_ms: number;
}

/** A new root issues from now on; the old one stays trusted. Fails with `cluster.rotation-running`. */
export interface BeginRotation {
  readonly kind: 'begin-rotation';
  /** With its `rotation`. */
  readonly authority: AuthorityObject;
}

/** The old root is trusted no longer, and the tokens that hold its digest go. Changes nothing if no rotation runs. */
export interface FinishRotation {
  readonly kind: 'finish-rotation';
  /** PEM of the root that issues: another one's rotation is left alone. */
  readonly certificate: string;
}

/** Forgets tokens and revocations whose time has passed. */
export interface ForgetExpired {
  readonly kind: 'forget-expired';
  readonly at_ms: number;
}

export interface ChangeSettings {
  readonly kind: 'change-settings';
  readonly settings: SettingsObject;
}

export type NodeCommand = AdmitNode | RenewCertificate | DescribeNode | RetireManager | SetRole | RemoveNode;

export type ClusterCommand =
  | EstablishCluster
  | PutToken
  | RevokeToken
  | NodeCommand
  | BeginRotation
  | FinishRotation
  | ForgetExpired
  | ChangeSettings
  | SetAutolock
  | SetPeerUnlock
  | RegisterPeerUnlock
  | PutAuditHead
  | AcknowledgeAuditLoss
  | GrantCommand
  | PolicyCommand
  | RotationCommand
  | SealingKeyCommand
  | MaintenanceCommand;
