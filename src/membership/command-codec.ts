// SPDX-License-Identifier: Apache-2.0
// The cluster's commands as bytes.
import { type ByteReader, type ByteWriter, CofferError, unreachable } from '../common/index.ts';
import { AUDIT_HEAD_COMMAND_TAG, readAcknowledgement, writeAcknowledgement } from './audit-head-codec.ts';
import type { ClusterCommand } from './command.ts';
import { GRANT_COMMAND_TAG, readGrantCommand, writeGrantCommand } from './grant-codec.ts';
import {
  MAINTENANCE_COMMAND_TAG,
  readMaintenanceCommand,
  writeMaintenanceCommand,
} from './maintenance-codec.ts';
import { POLICY_COMMAND_TAG, readPolicyCommand, writePolicyCommand } from './policy-codec.ts';
import { readRotationCommand, ROTATION_COMMAND_TAG, writeRotationCommand } from './rotation-codec.ts';
import {
  readSealingKeyCommand,
  SEALING_KEY_COMMAND_TAG,
  writeSealingKeyCommand,
} from './sealing-key-codec.ts';
import { PEM_BYTES_MAX, TEXT_BYTES_MAX } from './model.ts';
import { NODE_COMMAND_TAG, readNodeCommand, writeNodeCommand } from './node-command-codec.ts';
import { readOf, writeObject } from './object-codec.ts';

const KIND_TAG = {
  'establish-cluster': 1,
  'put-token': 2,
  'revoke-token': 3,
  'begin-rotation': 9,
  'finish-rotation': 10,
  'forget-expired': 11,
  'change-settings': 12,
  'set-autolock': 14,
  'set-peer-unlock': 15,
  'register-peer-unlock': 16,
  ...NODE_COMMAND_TAG,
  ...MAINTENANCE_COMMAND_TAG,
  ...GRANT_COMMAND_TAG,
  ...POLICY_COMMAND_TAG,
  ...ROTATION_COMMAND_TAG,
  ...AUDIT_HEAD_COMMAND_TAG,
  ...SEALING_KEY_COMMAND_TAG,
} as const satisfies Record<ClusterCommand['kind'], number>;

const CLUSTER_KINDS: ReadonlySet<string> = new Set(Object.keys(KIND_TAG));

/** Whether a command is about the cluster, and not about secrets. */
export function isClusterCommand(command: { readonly kind: string }): command is ClusterCommand {
  return CLUSTER_KINDS.has(command.kind);
}

/** Appends a command: u8 kind, then the fields in the order of its type. */
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
    case 'renew-certificate':
    case 'describe-node':
    case 'retire-manager':
    case 'set-role':
    case 'remove-node':
      return writeNodeCommand(writer, command);
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
    case 'put-audit-head':
      return writeObject(writer, command.head);
    case 'acknowledge-audit-loss':
      return writeAcknowledgement(writer, command);
    case 'put-grant':
    case 'remove-grant':
      return writeGrantCommand(writer, command);
    case 'put-policy-rule':
    case 'remove-policy-rule':
    case 'set-policy-default':
      return writePolicyCommand(writer, command);
    case 'step-rotation':
    case 'end-rotation':
    case 'hold-rotation':
      return writeRotationCommand(writer, command);
    case 'add-sealing-key':
    case 'restore-sealing-key':
    case 'forget-sealing-key':
      return writeSealingKeyCommand(writer, command);
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
    case KIND_TAG['begin-rotation']:
      return { kind: 'begin-rotation', authority: readOf(reader, 'authority') };
    case KIND_TAG['finish-rotation']:
      return { kind: 'finish-rotation', certificate: reader.text(PEM_BYTES_MAX) };
    case KIND_TAG['forget-expired']:
      return { kind: 'forget-expired', at_ms: reader.u64() };
    case KIND_TAG['change-settings']:
      return { kind: 'change-settings', settings: readOf(reader, 'settings') };
    case KIND_TAG['put-audit-head']:
      return { kind: 'put-audit-head', head: readOf(reader, 'audit-head') };
    case KIND_TAG['acknowledge-audit-loss']:
      return readAcknowledgement(reader);
    case KIND_TAG['set-autolock']:
      return { kind: 'set-autolock', autolock: readOf(reader, 'autolock') };
    case KIND_TAG['set-peer-unlock']:
      return { kind: 'set-peer-unlock', enabled: reader.u8() === 1 };
    case KIND_TAG['register-peer-unlock']:
      return { kind: 'register-peer-unlock', registration: readOf(reader, 'peer-unlock') };
    default:
      return (
        readNodeCommand(tag, reader) ??
        readMaintenanceCommand(tag, reader) ??
        readGrantCommand(tag, reader) ??
        readPolicyCommand(tag, reader) ??
        readRotationCommand(tag, reader) ??
        readSealingKeyCommand(tag, reader) ??
        unknownKind(tag)
      );
  }
}

function unknownKind(tag: number): never {
  throw new CofferError(
    'store.damaged',
    `a command of the cluster has kind ${tag}, which this version cannot read`,
  );
}
