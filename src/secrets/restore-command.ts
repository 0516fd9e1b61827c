// SPDX-License-Identifier: Apache-2.0
// The commands that put a secret of a backup back as it was. The newest versions come with the first command, so that
// whoever reads meanwhile is given the value that counts; what is too much for one entry of the log follows.
import type { ByteReader, ByteWriter, SecretValue } from '../common/index.ts';
import { readCount, readDestroyed, readLabels, readOrigin, writeDestroyed, writeLabels } from './fields.ts';
import { ID_LENGTH_MAX, NAME_LENGTH_MAX, VALUE_BYTES_MAX, VERSIONS_KEPT } from './limits.ts';
import { type DestroyedVersion, type Labels, ORIGINS, type Origin } from './model.ts';

/** Bytes of all values that one command may hold. With the longest labels it is an entry that managers still send. */
export const RESTORED_BYTES_MAX = 1024 * 1024;

export interface RestoredVersion {
  readonly number: number;
  readonly createdAt_ms: number;
  readonly value: SecretValue;
}

/** A secret with its newest versions, under the id that it had. It is bound to no secret of the engine. */
export interface RestoreSecret {
  readonly kind: 'restore';
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly origin: Origin;
  /**
   * `refuse` fails with `secret.exists` if the name or the id is taken; `replace` takes its place, and that of all its
   * versions, and keeps how the engine knows that name. A pending secret is never replaced.
   */
  readonly existing: 'refuse' | 'replace';
  readonly createdAt_ms: number;
  readonly updatedAt_ms: number;
  /** Ascending, at least one. */
  readonly versions: readonly RestoredVersion[];
  /** As in the secret. */
  readonly destroyed: readonly DestroyedVersion[];
}

/**
 * Older versions of the secret that `restore` has made. Fails with `secret.version-conflict` unless all are older than
 * those that are there, and `secret.not-found`.
 */
export interface RestoreVersions {
  readonly kind: 'restore-versions';
  readonly id: string;
  /** Ascending, at least one. */
  readonly versions: readonly RestoredVersion[];
}

type ValueOf = (bytes: Buffer) => SecretValue;

export function writeRestore(writer: ByteWriter, command: RestoreSecret): ByteWriter {
  writer.text(command.id).text(command.name);
  writeLabels(writer, command.labels);
  writer.u8(ORIGINS.indexOf(command.origin)).u8(command.existing === 'replace' ? 1 : 0);
  writer.u64(command.createdAt_ms).u64(command.updatedAt_ms);
  writeDestroyed(writer, command.destroyed);
  return writeVersions(writer, command.versions);
}

export function readRestore(reader: ByteReader, valueOf: ValueOf): RestoreSecret {
  return {
    kind: 'restore',
    id: reader.text(ID_LENGTH_MAX),
    name: reader.text(NAME_LENGTH_MAX),
    labels: readLabels(reader),
    origin: readOrigin(reader),
    existing: reader.u8() === 1 ? 'replace' : 'refuse',
    createdAt_ms: reader.u64(),
    updatedAt_ms: reader.u64(),
    destroyed: readDestroyed(reader),
    versions: readVersions(reader, valueOf),
  };
}

export function writeRestoreVersions(writer: ByteWriter, command: RestoreVersions): ByteWriter {
  return writeVersions(writer.text(command.id), command.versions);
}

export function readRestoreVersions(reader: ByteReader, valueOf: ValueOf): RestoreVersions {
  return {
    kind: 'restore-versions',
    id: reader.text(ID_LENGTH_MAX),
    versions: readVersions(reader, valueOf),
  };
}

function writeVersions(writer: ByteWriter, versions: readonly RestoredVersion[]): ByteWriter {
  writer.u32(versions.length);
  for (const { number, createdAt_ms, value } of versions) {
    writer.u32(number).u64(createdAt_ms).bytes(value.expose());
  }
  return writer;
}

function readVersions(reader: ByteReader, valueOf: ValueOf): readonly RestoredVersion[] {
  const count = readCount(reader, VERSIONS_KEPT);
  return Array.from({ length: count }, () => ({
    number: reader.u32(),
    createdAt_ms: reader.u64(),
    value: valueOf(reader.bytes(VALUE_BYTES_MAX)),
  }));
}
