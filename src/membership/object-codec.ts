// SPDX-License-Identifier: Apache-2.0
// The cluster's objects as bytes: u8 format (1), u8 kind, then the fields in the order of their types. Autolock has two forms,
// since an object that was written before peer unlock was known must have the same bytes for ever.
import { ByteReader, ByteWriter, CofferError, unreachable } from '../common/index.ts';
import {
  type AuthorityObject,
  type ClusterObject,
  type Leaving,
  LEAVING,
  type NodeCertificate,
  type NodeObject,
  type NodeRole,
  PEM_BYTES_MAX,
  type PeerUnlockObject,
  ROLES,
  TEXT_BYTES_MAX,
  type TokenObject,
} from './model.ts';
import { AUDIT_HEAD_OBJECT_TAG, readAuditHead, writeAuditHead } from './audit-head-codec.ts';
import { readAutolock, readEarlierKeys, writeAutolock } from './autolock-codec.ts';
import { GRANT_OBJECT_TAG, readGrantObject, writeGrant } from './grant-codec.ts';
import {
  MAINTENANCE_OBJECT_TAG,
  readMaintenanceObject,
  writeMaintenanceObject,
} from './maintenance-codec.ts';
import { POLICY_OBJECT_TAG, readPolicyObject, writePolicyObject } from './policy-codec.ts';
import { readSealingKeyObject, SEALING_KEY_OBJECT_TAG, writeSealingKey } from './sealing-key-codec.ts';
import { readRotationObject, ROTATION_OBJECT_TAG, writeRotation } from './rotation-codec.ts';

const FORMAT = 1;
const KIND_TAG = {
  authority: 1,
  settings: 2,
  token: 3,
  node: 4,
  revocation: 5,
  autolock: 6,
  'peer-unlock': 7,
  ...MAINTENANCE_OBJECT_TAG,
  ...GRANT_OBJECT_TAG,
  ...POLICY_OBJECT_TAG,
  ...ROTATION_OBJECT_TAG,
  ...AUDIT_HEAD_OBJECT_TAG,
  ...SEALING_KEY_OBJECT_TAG,
} as const satisfies Record<ClusterObject['kind'], number>;
/** Autolock with peer unlock: as autolock, then u8 count and the earlier keys. */
const PEERS_TAG = 8;

const HASH_BYTES = 32;
const WHAT = 'an object of the cluster';

/** The same object has the same bytes on every manager. They may hold the CA's key, the unlock key or a sealing key: whoever asks for them wipes them. */
export function encodeObject(object: ClusterObject): Buffer {
  return writeObject(new ByteWriter(), object).finish();
}

export function writeObject(writer: ByteWriter, object: ClusterObject): ByteWriter {
  writer.u8(FORMAT).u8(tagOf(object));
  switch (object.kind) {
    case 'authority':
      return writeAuthority(writer, object);
    case 'autolock':
      return writeAutolock(writer, object);
    case 'settings':
      return writer.u64(object.certificateLifetime_ms);
    case 'token':
      writer.text(object.id).u8(ROLES.indexOf(object.role)).fixed(object.secretHash);
      return writer.u64(object.createdAt_ms).u64(object.expiresAt_ms).u32(object.usesLeft);
    case 'node':
      return writeNode(writer, object);
    case 'peer-unlock':
      return writer.text(object.nodeId).text(object.publicKeyFingerprint).text(object.authorityDigest);
    case 'revocation':
      return writer.text(object.nodeId).text(object.hostname).u64(object.removedAt_ms).u64(object.until_ms);
    case 'purge':
    case 'data-key-schedule':
    case 'backup-schedule':
    case 'data-key-report':
      return writeMaintenanceObject(writer, object);
    case 'audit-head':
      return writeAuditHead(writer, object);
    case 'grant':
      return writeGrant(writer, object);
    case 'policy-rule':
    case 'policy-default':
      return writePolicyObject(writer, object);
    case 'rotation':
      return writeRotation(writer, object);
    case 'sealing-key':
      return writeSealingKey(writer, object);
    default:
      return unreachable(object);
  }
}

/** Throws `store.damaged` for bytes that `encodeObject` does not write. What it returns is in memory of its own. */
export function decodeObject(bytes: Uint8Array): ClusterObject {
  const reader = new ByteReader(bytes, WHAT);
  const object = readObject(reader);
  reader.finish();
  return object;
}

function readObject(reader: ByteReader): ClusterObject {
  const format = reader.u8();
  if (format !== FORMAT) {
    throw new CofferError('store.damaged', `${WHAT} has format ${format}, which this version cannot read`);
  }
  const tag = reader.u8();
  switch (tag) {
    case KIND_TAG.authority:
      return readAuthority(reader);
    case KIND_TAG.autolock:
      return readAutolock(reader);
    case PEERS_TAG:
      return { ...readAutolock(reader), peerUnlock: { earlierKeys: readEarlierKeys(reader) } };
    case KIND_TAG['peer-unlock']:
      return readPeerUnlock(reader);
    case KIND_TAG['audit-head']:
      return readAuditHead(reader);
    case KIND_TAG.settings:
      return { kind: 'settings', certificateLifetime_ms: reader.u64() };
    case KIND_TAG.token:
      return readToken(reader);
    case KIND_TAG.node:
      return readNode(reader);
    case KIND_TAG.revocation:
      return {
        kind: 'revocation',
        nodeId: reader.text(TEXT_BYTES_MAX),
        hostname: reader.text(TEXT_BYTES_MAX),
        removedAt_ms: reader.u64(),
        until_ms: reader.u64(),
      };
    default:
      return (
        readMaintenanceObject(tag, reader) ??
        readGrantObject(tag, reader) ??
        readPolicyObject(tag, reader) ??
        readRotationObject(tag, reader) ??
        readSealingKeyObject(tag, reader) ??
        unknownKind(tag)
      );
  }
}

/** Throws `store.damaged` for an object of another kind, or none. */
export function readOf<Kind extends ClusterObject['kind']>(
  reader: ByteReader,
  kind: Kind,
): Extract<ClusterObject, { kind: Kind }> {
  const object = readObject(reader);
  if (isOf(object, kind)) {
    return object;
  }
  throw new CofferError(
    'store.damaged',
    `a command of the cluster holds a ${object.kind} where a ${kind} belongs`,
  );
}

function isOf<Kind extends ClusterObject['kind']>(
  object: ClusterObject,
  kind: Kind,
): object is Extract<ClusterObject, { kind: Kind }> {
  return object.kind === kind;
}

function tagOf(object: ClusterObject): number {
  return object.kind === 'autolock' && object.peerUnlock !== undefined ? PEERS_TAG : KIND_TAG[object.kind];
}

function unknownKind(tag: number): never {
  throw new CofferError('store.damaged', `${WHAT} has kind ${tag}, which this version cannot read`);
}

function writeAuthority(
  writer: ByteWriter,
  { certificate, privateKey, rotation }: AuthorityObject,
): ByteWriter {
  writer
    .text(certificate)
    .bytes(privateKey)
    .u8(rotation === undefined ? 0 : 1);
  return rotation === undefined
    ? writer
    : writer.text(rotation.previous).text(rotation.crossSigned).u64(rotation.startedAt_ms);
}

function readAuthority(reader: ByteReader): AuthorityObject {
  const certificate = reader.text(PEM_BYTES_MAX);
  const privateKey = Buffer.from(reader.bytes(PEM_BYTES_MAX));
  const rotation =
    reader.u8() === 0
      ? undefined
      : {
          previous: reader.text(PEM_BYTES_MAX),
          crossSigned: reader.text(PEM_BYTES_MAX),
          startedAt_ms: reader.u64(),
        };
  return { kind: 'authority', certificate, privateKey, rotation };
}

function readPeerUnlock(reader: ByteReader): PeerUnlockObject {
  return {
    kind: 'peer-unlock',
    nodeId: reader.text(TEXT_BYTES_MAX),
    publicKeyFingerprint: reader.text(TEXT_BYTES_MAX),
    authorityDigest: reader.text(TEXT_BYTES_MAX),
  };
}

function readToken(reader: ByteReader): TokenObject {
  return {
    kind: 'token',
    id: reader.text(TEXT_BYTES_MAX),
    role: readRole(reader),
    secretHash: Buffer.from(reader.fixed(HASH_BYTES)),
    createdAt_ms: reader.u64(),
    expiresAt_ms: reader.u64(),
    usesLeft: reader.u32(),
  };
}

function writeNode(writer: ByteWriter, node: NodeObject): ByteWriter {
  const { certificate } = node;
  writer.text(node.id).u8(ROLES.indexOf(node.role)).u64(node.raftId).u8(LEAVING.indexOf(node.leaving));
  writer.text(node.hostname).text(node.address).text(node.engineNodeId).u64(node.joinedAt_ms);
  return writeCertificate(writer, certificate);
}

export function writeCertificate(writer: ByteWriter, certificate: NodeCertificate): ByteWriter {
  writer.text(certificate.certificate).text(certificate.publicKeyFingerprint);
  return writer.text(certificate.authorityDigest).u64(certificate.notAfter_ms);
}

export function readCertificate(reader: ByteReader): NodeCertificate {
  return {
    certificate: reader.text(PEM_BYTES_MAX),
    publicKeyFingerprint: reader.text(TEXT_BYTES_MAX),
    authorityDigest: reader.text(TEXT_BYTES_MAX),
    notAfter_ms: reader.u64(),
  };
}

function readNode(reader: ByteReader): NodeObject {
  return {
    kind: 'node',
    id: reader.text(TEXT_BYTES_MAX),
    role: readRole(reader),
    raftId: reader.u64(),
    leaving: readLeaving(reader),
    hostname: reader.text(TEXT_BYTES_MAX),
    address: reader.text(TEXT_BYTES_MAX),
    engineNodeId: reader.text(TEXT_BYTES_MAX),
    joinedAt_ms: reader.u64(),
    certificate: readCertificate(reader),
  };
}

function readLeaving(reader: ByteReader): Leaving {
  const leaving = LEAVING[reader.u8()];
  if (leaving === undefined) {
    throw new CofferError('store.damaged', `${WHAT} is leaving in a way that this version cannot read`);
  }
  return leaving;
}

/** In a command that retires a manager. */
export function readLeavingFor(reader: ByteReader): Exclude<Leaving, 'no'> {
  const leaving = readLeaving(reader);
  if (leaving === 'no') {
    throw new CofferError('store.damaged', 'a command of the cluster retires a manager that is to stay');
  }
  return leaving;
}

export function readRole(reader: ByteReader): NodeRole {
  const role = ROLES[reader.u8()];
  if (role === undefined) {
    throw new CofferError('store.damaged', `${WHAT} names a role that this version cannot read`);
  }
  return role;
}
