// SPDX-License-Identifier: Apache-2.0
// The heads of audit logs as bytes: the fields in the order of their types; u8 1 and a place, or u8 0, for what is lost.
import type { ByteReader, ByteWriter } from '../common/index.ts';
import {
  type AcknowledgeAuditLoss,
  AUDIT_SIGNATURE_BYTES_MAX,
  type AuditHeadObject,
  type AuditPlace,
} from './audit-head.ts';
import { TEXT_BYTES_MAX } from './model.ts';

/** Apart from those of the other objects, as those of grant-codec.ts are. */
export const AUDIT_HEAD_OBJECT_TAG = { 'audit-head': 80 } as const;
/** Likewise. */
export const AUDIT_HEAD_COMMAND_TAG = { 'put-audit-head': 80, 'acknowledge-audit-loss': 81 } as const;

export function writeAuditHead(writer: ByteWriter, head: AuditHeadObject): ByteWriter {
  writePlace(writer, head).text(head.nodeId).text(head.publicKeyFingerprint).bytes(head.signature);
  return head.lost === undefined ? writer.u8(0) : writePlace(writer.u8(1), head.lost);
}

export function readAuditHead(reader: ByteReader): AuditHeadObject {
  return {
    kind: 'audit-head',
    ...readPlace(reader),
    nodeId: reader.text(TEXT_BYTES_MAX),
    publicKeyFingerprint: reader.text(TEXT_BYTES_MAX),
    signature: Buffer.from(reader.bytes(AUDIT_SIGNATURE_BYTES_MAX)),
    lost: reader.u8() === 0 ? undefined : readPlace(reader),
  };
}

export function writeAcknowledgement(writer: ByteWriter, { lost, nodeId }: AcknowledgeAuditLoss): ByteWriter {
  return writePlace(writer.text(nodeId), lost);
}

export function readAcknowledgement(reader: ByteReader): AcknowledgeAuditLoss {
  return {
    kind: 'acknowledge-audit-loss',
    nodeId: reader.text(TEXT_BYTES_MAX),
    lost: readPlace(reader),
  };
}

function writePlace(writer: ByteWriter, { at_ms, chain, hash, seq }: AuditPlace): ByteWriter {
  return writer.text(chain).u64(seq).text(hash).u64(at_ms);
}

function readPlace(reader: ByteReader): AuditPlace {
  return {
    chain: reader.text(TEXT_BYTES_MAX),
    seq: reader.u64(),
    hash: reader.text(TEXT_BYTES_MAX),
    at_ms: reader.u64(),
  };
}
