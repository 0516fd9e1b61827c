// SPDX-License-Identifier: Apache-2.0
// The commands that are about versions which are there already.
import type { ByteReader, ByteWriter } from '../common/index.ts';
import { readOptional, writeOptional } from './fields.ts';
import { ID_LENGTH_MAX } from './limits.ts';

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
