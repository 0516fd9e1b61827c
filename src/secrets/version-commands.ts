// SPDX-License-Identifier: Apache-2.0
// The commands that are about versions which are there already.
import { type ByteReader, type ByteWriter, unreachable } from '../common/index.ts';
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

/**
 * Takes away all but the newest versions, as a new version takes away those for which there is no room: nothing of them stays
 * in the history. Fails with `secret.not-found`.
 */
export interface PruneVersions {
  readonly kind: 'prune';
  readonly id: string;
  /** 1 to `VERSIONS_KEPT`. */
  readonly keep: number;
  readonly at_ms: number;
}

export type VersionCommand = RollbackSecret | DestroyVersions | PruneVersions;

/** How many versions one command can destroy: all that a secret's history can name. */
export const DESTROYED_PER_COMMAND = VERSIONS_KEPT + DESTROYED_KEPT;

export function writeVersionCommand(writer: ByteWriter, command: VersionCommand): ByteWriter {
  switch (command.kind) {
    case 'rollback':
      return writeRollback(writer, command);
    case 'destroy':
      return writeDestroy(writer, command);
    case 'prune':
      return writePrune(writer, command);
    default:
      return unreachable(command);
  }
}

function writeRollback(writer: ByteWriter, command: RollbackSecret): ByteWriter {
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

function writeDestroy(writer: ByteWriter, command: DestroyVersions): ByteWriter {
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

function writePrune(writer: ByteWriter, { at_ms, id, keep }: PruneVersions): ByteWriter {
  return writer.text(id).u32(keep).u64(at_ms);
}

export function readPrune(reader: ByteReader): PruneVersions {
  return { kind: 'prune', id: reader.text(ID_LENGTH_MAX), keep: reader.u32(), at_ms: reader.u64() };
}
