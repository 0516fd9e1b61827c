// SPDX-License-Identifier: Apache-2.0
// The commands that change the cluster's objects, as they stand in the replicated log.
import { type ByteReader, type ByteWriter, CofferError, unreachable } from '../common/index.ts';
import type { RegisterPeerUnlock, SetAutolock, SetPeerUnlock } from './autolock-command.ts';
import type { MaintenanceCommand } from './maintenance.ts';
import {
  MAINTENANCE_COMMAND_TAG,
  readMaintenanceCommand,
  writeMaintenanceCommand,
} from './maintenance-codec.ts';
import {
  type AuthorityObject,
  type Leaving,
  LEAVING,
  type NodeCertificate,
  type NodeObject,
  type NodeRole,
  PEM_BYTES_MAX,
  ROLES,
  type SettingsObject,
  TEXT_BYTES_MAX,
  type TokenObject,
} from './model.ts';
import {
  readCertificate,
  readLeavingFor,
  readOf,
  readRole,
  writeCertificate,
  writeObject,
} from './object-codec.ts';

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

export type ClusterCommand =
  | EstablishCluster
  | PutToken
  | RevokeToken
  | AdmitNode
  | RenewCertificate
  | DescribeNode
  | RetireManager
  | SetRole
  | RemoveNode
  | BeginRotation
  | FinishRotation
  | ForgetExpired
  | ChangeSettings
  | SetAutolock
  | SetPeerUnlock
  | RegisterPeerUnlock
  | MaintenanceCommand;

const KIND_TAG = {
  'establish-cluster': 1,
  'put-token': 2,
  'revoke-token': 3,
  'admit-node': 4,
  'renew-certificate': 5,
  'describe-node': 6,
  'set-role': 7,
  'remove-node': 8,
  'begin-rotation': 9,
  'finish-rotation': 10,
  'forget-expired': 11,
  'change-settings': 12,
  'retire-manager': 13,
  'set-autolock': 14,
  'set-peer-unlock': 15,
  'register-peer-unlock': 16,
  ...MAINTENANCE_COMMAND_TAG,
} as const satisfies Record<ClusterCommand['kind'], number>;

const CLUSTER_KINDS: ReadonlySet<string> = new Set(Object.keys(KIND_TAG));

/** Whether a command is about the cluster, and not about secrets. */
export function isClusterCommand(command: { readonly kind: string }): command is ClusterCommand {
  return CLUSTER_KINDS.has(command.kind);
}

/** Appends a command: u8 kind, then the fields in the order of the types above. */
export function writeClusterCommand(writer: ByteWriter, command: ClusterCommand): ByteWriter {
  writer.u8(KIND_TAG[command.kind]);
  switch (command.kind) {
    case 'establish-cluster':
      return writeObject(writeObject(writer, command.authority), command.node);
    case 'put-token':
      return writeObject(writer, command.token).u8(command.revokeOthers ? 1 : 0);
    case 'revoke-token':
      return writer.text(command.id);
    case 'admit-node':
      return writeObject(writer.text(command.tokenId), command.node).u64(command.at_ms);
    case 'renew-certificate':
      return writeCertificate(
        writer.text(command.nodeId).u8(ROLES.indexOf(command.role)),
        command.certificate,
      );
    case 'describe-node':
      return writer
        .text(command.nodeId)
        .text(command.hostname)
        .text(command.address)
        .text(command.engineNodeId);
    case 'retire-manager':
      return writer.text(command.nodeId).u8(LEAVING.indexOf(command.leaving));
    case 'set-role':
      return writer.text(command.nodeId).u8(ROLES.indexOf(command.role)).u64(command.raftId);
    case 'remove-node':
      return writer.text(command.nodeId).u64(command.at_ms);
    case 'begin-rotation':
      return writeObject(writer, command.authority);
    case 'finish-rotation':
      return writer.text(command.certificate);
    case 'forget-expired':
      return writer.u64(command.at_ms);
    case 'change-settings':
      return writeObject(writer, command.settings);
    case 'set-autolock':
      return writeObject(writer, command.autolock);
    case 'set-peer-unlock':
      return writer.u8(command.enabled ? 1 : 0);
    case 'register-peer-unlock':
      return writeObject(writer, command.registration);
    case 'ask-purge':
    case 'set-data-key-schedule':
    case 'set-backup-schedule':
    case 'report-data-key':
      return writeMaintenanceCommand(writer, command);
    default:
      return unreachable(command);
  }
}

/** Throws `store.damaged` for bytes that `writeClusterCommand` does not write. */
export function readClusterCommand(reader: ByteReader): ClusterCommand {
  const tag = reader.u8();
  switch (tag) {
    case KIND_TAG['establish-cluster']:
      return {
        kind: 'establish-cluster',
        authority: readOf(reader, 'authority'),
        node: readOf(reader, 'node'),
      };
    case KIND_TAG['put-token']:
      return { kind: 'put-token', token: readOf(reader, 'token'), revokeOthers: reader.u8() === 1 };
    case KIND_TAG['revoke-token']:
      return { kind: 'revoke-token', id: reader.text(TEXT_BYTES_MAX) };
    case KIND_TAG['admit-node']:
      return {
        kind: 'admit-node',
        tokenId: reader.text(TEXT_BYTES_MAX),
        node: readOf(reader, 'node'),
        at_ms: reader.u64(),
      };
    case KIND_TAG['renew-certificate']:
      return {
        kind: 'renew-certificate',
        nodeId: reader.text(TEXT_BYTES_MAX),
        role: readRole(reader),
        certificate: readCertificate(reader),
      };
    case KIND_TAG['describe-node']:
      return {
        kind: 'describe-node',
        nodeId: reader.text(TEXT_BYTES_MAX),
        hostname: reader.text(TEXT_BYTES_MAX),
        address: reader.text(TEXT_BYTES_MAX),
        engineNodeId: reader.text(TEXT_BYTES_MAX),
      };
    case KIND_TAG['retire-manager']:
      return { kind: 'retire-manager', nodeId: reader.text(TEXT_BYTES_MAX), leaving: readLeavingFor(reader) };
    case KIND_TAG['set-role']:
      return {
        kind: 'set-role',
        nodeId: reader.text(TEXT_BYTES_MAX),
        role: readRole(reader),
        raftId: reader.u64(),
      };
    case KIND_TAG['remove-node']:
      return { kind: 'remove-node', nodeId: reader.text(TEXT_BYTES_MAX), at_ms: reader.u64() };
    case KIND_TAG['begin-rotation']:
      return { kind: 'begin-rotation', authority: readOf(reader, 'authority') };
    case KIND_TAG['finish-rotation']:
      return { kind: 'finish-rotation', certificate: reader.text(PEM_BYTES_MAX) };
    case KIND_TAG['forget-expired']:
      return { kind: 'forget-expired', at_ms: reader.u64() };
    case KIND_TAG['change-settings']:
      return { kind: 'change-settings', settings: readOf(reader, 'settings') };
    case KIND_TAG['set-autolock']:
      return { kind: 'set-autolock', autolock: readOf(reader, 'autolock') };
    case KIND_TAG['set-peer-unlock']:
      return { kind: 'set-peer-unlock', enabled: reader.u8() === 1 };
    case KIND_TAG['register-peer-unlock']:
      return { kind: 'register-peer-unlock', registration: readOf(reader, 'peer-unlock') };
    default:
      return readMaintenanceCommand(tag, reader) ?? unknownKind(tag);
  }
}

function unknownKind(tag: number): never {
  throw new CofferError(
    'store.damaged',
    `a command of the cluster has kind ${tag}, which this version cannot read`,
  );
}
