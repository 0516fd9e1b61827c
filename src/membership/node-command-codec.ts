// SPDX-License-Identifier: Apache-2.0
// The commands about nodes as bytes: the fields in the order of their types.
import { type ByteReader, type ByteWriter, unreachable } from '../common/index.ts';
import type { NodeCommand } from './command.ts';
import { LEAVING, ROLES, TEXT_BYTES_MAX } from './model.ts';
import {
  readCertificate,
  readLeavingFor,
  readOf,
  readRole,
  writeCertificate,
  writeObject,
} from './object-codec.ts';

/** Among those of command-codec.ts. */
export const NODE_COMMAND_TAG = {
  'admit-node': 4,
  'renew-certificate': 5,
  'describe-node': 6,
  'set-role': 7,
  'remove-node': 8,
  'retire-manager': 13,
} as const satisfies Record<NodeCommand['kind'], number>;

export function writeNodeCommand(writer: ByteWriter, command: NodeCommand): ByteWriter {
  switch (command.kind) {
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
    default:
      return unreachable(command);
  }
}

/** The command that follows on its kind; undefined for a kind that is none of these. */
export function readNodeCommand(tag: number, reader: ByteReader): NodeCommand | undefined {
  switch (tag) {
    case NODE_COMMAND_TAG['admit-node']:
      return {
        kind: 'admit-node',
        tokenId: reader.text(TEXT_BYTES_MAX),
        node: readOf(reader, 'node'),
        at_ms: reader.u64(),
      };
    case NODE_COMMAND_TAG['renew-certificate']:
      return {
        kind: 'renew-certificate',
        nodeId: reader.text(TEXT_BYTES_MAX),
        role: readRole(reader),
        certificate: readCertificate(reader),
      };
    case NODE_COMMAND_TAG['describe-node']:
      return {
        kind: 'describe-node',
        nodeId: reader.text(TEXT_BYTES_MAX),
        hostname: reader.text(TEXT_BYTES_MAX),
        address: reader.text(TEXT_BYTES_MAX),
        engineNodeId: reader.text(TEXT_BYTES_MAX),
      };
    case NODE_COMMAND_TAG['retire-manager']:
      return { kind: 'retire-manager', nodeId: reader.text(TEXT_BYTES_MAX), leaving: readLeavingFor(reader) };
    case NODE_COMMAND_TAG['set-role']:
      return {
        kind: 'set-role',
        nodeId: reader.text(TEXT_BYTES_MAX),
        role: readRole(reader),
        raftId: reader.u64(),
      };
    case NODE_COMMAND_TAG['remove-node']:
      return { kind: 'remove-node', nodeId: reader.text(TEXT_BYTES_MAX), at_ms: reader.u64() };
    default:
      return undefined;
  }
}
