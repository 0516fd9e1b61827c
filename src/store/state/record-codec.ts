// SPDX-License-Identifier: Apache-2.0
// The state's records as bytes, before they are sealed. The same secret has the same bytes on every manager.
import {
  ByteReader,
  ByteWriter,
  CofferError,
  type ErrorCode,
  isErrorCode,
  pooledWriter,
} from '../../common/index.ts';
import type { ConfState, NodeId } from '../../raft/index.ts';
import {
  type AppliedRequest,
  type Delivery,
  ID_LENGTH_MAX,
  NAME_LENGTH_MAX,
  nameKey,
  ORIGINS,
  readDelivery,
  readDestroyed,
  readLabels,
  readOptional,
  REQUEST_ID_BYTES,
  type Secret,
  type SecretVersion,
  VERSIONS_KEPT,
  writeDelivery,
  writeDestroyed,
  writeLabels,
  writeOptional,
} from '../../secrets/index.ts';

const FORMAT = 1;
const SECRET_FORMAT = 3;
/** More nodes than a configuration has: a length that was altered is found before memory is taken for it. */
const NODES_MAX = 1_024;
/** More nodes than a cluster ever loses. */
export const REMOVED_NODES_MAX = 65_536;

export function encodeSecret(secret: Secret): Buffer {
  const writer = pooledWriter().u8(SECRET_FORMAT).text(secret.id).text(secret.name);
  writeLabels(writer, secret.labels);
  writer.u8(ORIGINS.indexOf(secret.origin)).u8(secret.pending ? 1 : 0);
  writeOptional(writer, secret.engine, (target, engine) => target.text(engine.secretId).text(engine.swarmId));
  writer.u32(secret.versions.length);
  for (const version of secret.versions) {
    writer
      .u32(version.number)
      .u64(version.createdAt_ms)
      .u32(version.size)
      .u32(version.copyOf ?? 0);
  }
  writeDestroyed(writer, secret.destroyed);
  return writer.u64(secret.createdAt_ms).u64(secret.updatedAt_ms).u64(secret.modifiedIndex).finish();
}

/** Throws `store.damaged` for bytes that `encodeSecret` does not write. */
export function decodeSecret(bytes: Buffer): Secret {
  const reader = new ByteReader(bytes, 'the record of a secret');
  checkFormat(reader, 'the record of a secret', SECRET_FORMAT);
  const secret: Secret = {
    id: reader.text(ID_LENGTH_MAX),
    name: reader.text(NAME_LENGTH_MAX),
    labels: readLabels(reader),
    origin: readOrigin(reader),
    pending: reader.u8() === 1,
    engine: readOptional(reader, (source) => ({
      secretId: source.text(ID_LENGTH_MAX),
      swarmId: source.text(ID_LENGTH_MAX),
    })),
    versions: readVersions(reader),
    destroyed: readDestroyed(reader),
    createdAt_ms: reader.u64(),
    updatedAt_ms: reader.u64(),
    modifiedIndex: reader.u64(),
  };
  reader.finish();
  return secret;
}

/** Which secret has a name, without regard to case. */
export interface SecretName {
  /** The name as `nameKey` makes it. */
  readonly folded: string;
  readonly id: string;
}

export function encodeSecretName({ id, name }: Pick<Secret, 'id' | 'name'>): Buffer {
  return pooledWriter().u8(FORMAT).text(nameKey(name)).text(id).finish();
}

export function decodeSecretName(bytes: Buffer): SecretName {
  const reader = new ByteReader(bytes, "the record of a secret's name");
  checkFormat(reader, "the record of a secret's name");
  const name: SecretName = { folded: reader.text(NAME_LENGTH_MAX), id: reader.text(ID_LENGTH_MAX) };
  reader.finish();
  return name;
}

/** How several slots of a ring lie in one record. */
export interface PageFormat<Held> {
  /** Said of a record that does not read. */
  readonly what: string;
  readonly format: number;
  readonly slots: number;
  readonly bytesExpected: number;
  readonly write: (writer: ByteWriter, held: Held) => unknown;
  readonly read: (reader: ByteReader) => Held;
}

export interface Page<Held> {
  /** Its number, counted from 0. */
  readonly page: number;
  /** What its slots hold: all of them, or as many as there were so far. */
  readonly held: readonly Held[];
}

export const DELIVERY_PAGES: PageFormat<Delivery> = {
  what: 'the record of deliveries',
  format: 2,
  slots: 16,
  // To tasks of a swarm.
  bytesExpected: 2_048,
  write: writeDelivery,
  read: readDelivery,
};

export const REQUEST_PAGES: PageFormat<AppliedRequest> = {
  what: 'the record of requests',
  format: 2,
  slots: 8,
  // That made a secret each.
  bytesExpected: 512,
  write: writeRequest,
  read: readRequest,
};

export function encodePage<Held>(
  { bytesExpected, format, write }: PageFormat<Held>,
  { held, page }: Page<Held>,
): Buffer {
  const writer = pooledWriter(bytesExpected).u8(format).u32(page).u8(held.length);
  held.forEach((each) => write(writer, each));
  return writer.finish();
}

/** Throws `store.damaged` for bytes that `encodePage` does not write. */
export function decodePage<Held>({ format, read, slots, what }: PageFormat<Held>, bytes: Buffer): Page<Held> {
  const reader = new ByteReader(bytes, what);
  checkFormat(reader, what, format);
  const page = reader.u32();
  const count = reader.u8();
  if (count < 1 || count > slots) {
    throw new CofferError('store.damaged', `${what} holds ${count} of them`);
  }
  const held = Array.from({ length: count }, () => read(reader));
  reader.finish();
  return { page, held };
}

function writeRequest(writer: ByteWriter, { id, index, refusal, secretId }: AppliedRequest): void {
  writer.fixed(Buffer.from(id, 'hex')).u64(index);
  writeOptional(writer, secretId, (target, text) => target.text(text));
  writeOptional(writer, refusal, (target, code) => target.text(code));
}

function readRequest(reader: ByteReader): AppliedRequest {
  return {
    id: reader.fixed(REQUEST_ID_BYTES).toString('hex'),
    index: reader.u64(),
    secretId: readOptional(reader, (source) => source.text(ID_LENGTH_MAX)),
    refusal: readOptional(reader, readErrorCode),
  };
}

function readErrorCode(reader: ByteReader): ErrorCode {
  const code = reader.text(ID_LENGTH_MAX);
  if (!isErrorCode(code)) {
    throw new CofferError(
      'store.damaged',
      'the record of requests names an error that this version cannot read',
    );
  }
  return code;
}

export function writeConfState(writer: ByteWriter, confState: ConfState): ByteWriter {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = confState;
  for (const ids of [voters, learners, votersOutgoing, learnersNext]) {
    writer.u32(ids.length);
    ids.forEach((id) => writer.u64(id));
  }
  return writer.u8(autoLeave ? 1 : 0);
}

export function readConfState(reader: ByteReader): ConfState {
  return {
    voters: readIds(reader),
    learners: readIds(reader),
    votersOutgoing: readIds(reader),
    learnersNext: readIds(reader),
    autoLeave: reader.u8() === 1,
  };
}

/** Nodes that were removed, in ascending order. */
export function writeRemovedNodes(writer: ByteWriter, removed: ReadonlySet<NodeId>): ByteWriter {
  writer.u32(removed.size);
  [...removed].sort((a, b) => a - b).forEach((id) => writer.u64(id));
  return writer;
}

export function readRemovedNodes(reader: ByteReader): ReadonlySet<NodeId> {
  const ids = readIds(reader, REMOVED_NODES_MAX, 'a list of removed nodes');
  if (ids.some((id, place) => id <= (ids[place - 1] ?? 0))) {
    throw new CofferError('store.damaged', 'a list of removed nodes is out of order');
  }
  return new Set(ids);
}

export function sameConfState(one: ConfState, other: ConfState): boolean {
  const bytes = (confState: ConfState): Buffer => writeConfState(new ByteWriter(), confState).finish();
  return bytes(one).equals(bytes(other));
}

function readIds(
  reader: ByteReader,
  limit: number = NODES_MAX,
  what: string = 'a configuration',
): readonly NodeId[] {
  const count = reader.u32();
  if (count > limit) {
    throw new CofferError('store.damaged', `${what} names ${count} nodes where ${limit} is the limit`);
  }
  return Array.from({ length: count }, () => reader.u64());
}

function readVersions(reader: ByteReader): readonly SecretVersion[] {
  const count = reader.u32();
  if (count < 1 || count > VERSIONS_KEPT) {
    throw new CofferError('store.damaged', `the record of a secret has ${count} versions`);
  }
  return Array.from({ length: count }, () => {
    const version = { number: reader.u32(), createdAt_ms: reader.u64(), size: reader.u32() };
    const copyOf = reader.u32();
    return copyOf === 0 ? version : { ...version, copyOf };
  });
}

function readOrigin(reader: ByteReader): Secret['origin'] {
  const origin = ORIGINS[reader.u8()];
  if (origin === undefined) {
    throw new CofferError(
      'store.damaged',
      'the record of a secret names an origin that this version cannot read',
    );
  }
  return origin;
}

function checkFormat(reader: ByteReader, what: string, expected: number = FORMAT): void {
  const format = reader.u8();
  if (format !== expected) {
    throw new CofferError('store.damaged', `${what} has format ${format}, which this version cannot read`);
  }
}
