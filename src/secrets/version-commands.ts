// SPDX-License-Identifier: Apache-2.0
// The commands that are about versions which are there already.
import type { ByteReader, ByteWriter } from '../common/index.ts';
import { readCount, readOptional, writeOptional } from './fields.ts';
import { DESTROYED_KEPT, ID_LENGTH_MAX, VERSIONS_KEPT } from './limits.ts';

/**
 * A new version with the value of an older one, which is copied where it lies: whoever asks for it need not know it.
 * Fails with `secret.not-found`, `secret.version-not-found`, and `secret.version-current` for the current version.
 */
export interface RollbackSecret {
  readonly kind: 'rollback';
  readonly id: string;
  readonly version: number;
  /** Fails with `secret.version-conflict` unless this is the current version. Absent: not compared. */
  readonly expect: number | undefined;
  readonly at_ms: number;
}

/**
 * Takes the values of versions away for good; their numbers stay in the secret's history. One that is destroyed already
 * is no error. Fails with `secret.not-found`, `secret.version-not-found`, and `secret.version-current`; then all stay.
 */
export interface DestroyVersions {
  readonly kind: 'destroy';
  readonly id: string;
  /** At least one. */
  readonly numbers: readonly number[];
  readonly at_ms: number;
}

/** How many versions one command can destroy: all that a secret's history can name. */
export const DESTROYED_PER_COMMAND = VERSIONS_KEPT + DESTROYED_KEPT;

export function writeRollback(writer: ByteWriter, command: RollbackSecret): ByteWriter {
  writer.text(command.id).u32(command.version);
  writeOptional(writer, command.expect, (target, version) => target.u32(version));
  return writer.u64(command.at_ms);
}

export function readRollback(reader: ByteReader): RollbackSecret {
  return {
    kind: 'rollback',
    id: reader.text(ID_LENGTH_MAX),
    version: reader.u32(),
    expect: readOptional(reader, (source) => source.u32()),
    at_ms: reader.u64(),
  };
}

export function writeDestroy(writer: ByteWriter, command: DestroyVersions): ByteWriter {
  writer.text(command.id).u32(command.numbers.length);
  command.numbers.forEach((number) => writer.u32(number));
  return writer.u64(command.at_ms);
}

export function readDestroy(reader: ByteReader): DestroyVersions {
  const id = reader.text(ID_LENGTH_MAX);
  const count = readCount(reader, DESTROYED_PER_COMMAND);
  const numbers = Array.from({ length: count }, () => reader.u32());
  return { kind: 'destroy', id, numbers, at_ms: reader.u64() };
}
