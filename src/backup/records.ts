// SPDX-License-Identifier: Apache-2.0
// The records of a backup's content as bytes. See format.ts.
import { ByteReader, ByteWriter, pooledWriter } from '../common/index.ts';
import {
  areDestroyed,
  checkLabels,
  checkName,
  type DestroyedVersion,
  ID_LENGTH_MAX,
  type Labels,
  NAME_LENGTH_MAX,
  type Origin,
  ORIGINS,
  readCount,
  readDestroyed,
  readLabels,
  readOrigin,
  type Secret,
  type SecretVersion,
  VALUE_BYTES_MAX,
  VERSIONS_KEPT,
  writeDestroyed,
  writeLabels,
} from '../secrets/index.ts';
import { damagedBackup, readingBackup } from './format.ts';

const FORMAT = 1;
const VERSION_LENGTH_MAX = 64;

export const RECORD_TAG = { begin: 1, secret: 2, value: 3, end: 4, 'sealing-key': 5 } as const;
export type RecordKind = keyof typeof RECORD_TAG;
export const RECORD_HEAD_BYTES = 1 + 4;

/** What a backup is of. */
export interface BackupOrigin {
  readonly clusterId: string;
  /** The entry of the log as of which the secrets are. */
  readonly appliedIndex: number;
  readonly createdAt_ms: number;
  /** Of the coffer that made it. */
  readonly version: string;
}

/** A secret as a backup keeps it: all but what binds it to one log and one engine. */
export interface BackedUpSecret {
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly origin: Origin;
  readonly createdAt_ms: number;
  readonly updatedAt_ms: number;
  /** Ascending, never empty. */
  readonly versions: readonly SecretVersion[];
  readonly destroyed: readonly DestroyedVersion[];
}

export function recordHead(kind: RecordKind, length: number): Buffer {
  return new ByteWriter(RECORD_HEAD_BYTES).u8(RECORD_TAG[kind]).u32(length).finish();
}

/** Throws `backup.damaged` for a kind that is none. */
export function recordKind(tag: number): RecordKind {
  switch (tag) {
    case RECORD_TAG.begin:
      return 'begin';
    case RECORD_TAG.secret:
      return 'secret';
    case RECORD_TAG.value:
      return 'value';
    case RECORD_TAG.end:
      return 'end';
    case RECORD_TAG['sealing-key']:
      return 'sealing-key';
    default:
      throw damagedBackup(`holds a record of kind ${tag}, which this version cannot read`);
  }
}

export function encodeOrigin({ appliedIndex, clusterId, createdAt_ms, version }: BackupOrigin): Buffer {
  return new ByteWriter()
    .u8(FORMAT)
    .text(clusterId)
    .u64(appliedIndex)
    .u64(createdAt_ms)
    .text(version)
    .finish();
}

export function decodeOrigin(body: Buffer): BackupOrigin {
  return readingBackup(() => {
    const reader = new ByteReader(body, 'its first record');
    const format = reader.u8();
    if (format !== FORMAT) {
      throw damagedBackup(`has a content of format ${format}, which this version cannot read`);
    }
    const clusterId = reader.text(ID_LENGTH_MAX);
    const appliedIndex = reader.u64();
    const createdAt_ms = reader.u64();
    const version = reader.text(VERSION_LENGTH_MAX);
    reader.finish();
    return { clusterId, appliedIndex, createdAt_ms, version };
  });
}

export function encodeBackedUp(secret: BackedUpSecret | Secret): Buffer {
  const writer = pooledWriter().text(secret.id).text(secret.name);
  writeLabels(writer, secret.labels);
  writer.u8(ORIGINS.indexOf(secret.origin)).u64(secret.createdAt_ms).u64(secret.updatedAt_ms);
  writer.u32(secret.versions.length);
  for (const { createdAt_ms, number, size } of secret.versions) {
    writer.u32(number).u64(createdAt_ms).u32(size);
  }
  writeDestroyed(writer, secret.destroyed);
  return writer.finish();
}

/** Throws `backup.damaged` for what no secret can be. */
export function decodeBackedUp(body: Buffer): BackedUpSecret {
  return readingBackup(() => {
    const reader = new ByteReader(body, 'the record of a secret');
    const secret: BackedUpSecret = {
      id: reader.text(ID_LENGTH_MAX),
      name: reader.text(NAME_LENGTH_MAX),
      labels: readLabels(reader),
      origin: readOrigin(reader),
      createdAt_ms: reader.u64(),
      updatedAt_ms: reader.u64(),
      versions: readVersions(reader),
      destroyed: readDestroyed(reader),
    };
    reader.finish();
    if (!areDestroyed(secret.destroyed, secret.versions)) {
      throw damagedBackup('holds a secret with destroyed versions that cannot be');
    }
    checkName(secret.name);
    checkLabels(secret.labels);
    return secret;
  });
}

function readVersions(reader: ByteReader): readonly SecretVersion[] {
  const count = readCount(reader, VERSIONS_KEPT);
  const versions = Array.from({ length: count }, () => ({
    number: reader.u32(),
    createdAt_ms: reader.u64(),
    size: reader.u32(),
  }));
  const sound = versions.every(
    ({ number, size }, place) =>
      number > (versions[place - 1]?.number ?? 0) && size >= 1 && size <= VALUE_BYTES_MAX,
  );
  if (!sound || count < 1) {
    throw damagedBackup('holds a secret with versions that cannot be');
  }
  return versions;
}
