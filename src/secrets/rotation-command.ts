// SPDX-License-Identifier: Apache-2.0
// The commands of a rotation that are about the secret as well: each changes both, or neither.
import type { ByteReader, ByteWriter, SecretValue } from '../common/index.ts';
import { readRotatedServices, type RotatedService, writeRotatedServices } from '../membership/index.ts';
import { readOptional, writeOptional } from './fields.ts';
import { ID_LENGTH_MAX, VALUE_BYTES_MAX } from './limits.ts';

/**
 * A new version, and the rotation by which services come to have it. Fails with `secret.not-found`, with
 * `secret.version-conflict`, with `rotation.busy` while the secret is being rotated, and with `rotation.refused` where
 * there would be no way back.
 */
export interface RotateSecret {
  readonly kind: 'rotate';
  /** The secret's. */
  readonly id: string;
  /** Of the rotation: a new one. */
  readonly rotationId: string;
  /** Fails with `secret.version-conflict` unless this is the current version. Absent: not compared. */
  readonly expect: number | undefined;
  readonly services: readonly RotatedService[];
  /** For each service. */
  readonly timeout_ms: number;
  readonly value: SecretValue;
  readonly at_ms: number;
}

/**
 * The rotation goes back: a new version with the value that was there before, unless a newer one was put meanwhile, the secret was
 * removed, or that value is gone. Fails with `rotation.not-found` for one that has ended, and with `rotation.refused`
 * for one that goes back already.
 */
export interface RevertRotation {
  readonly kind: 'revert-rotation';
  readonly id: string;
  /** False: the value does not open, and is not put back. */
  readonly restore: boolean;
  /** Why it goes back: a sentence without a full stop. */
  readonly problem: string;
  readonly at_ms: number;
}

/** The problem of a rotation that somebody has taken back. */
export const CANCELLED = 'it was cancelled';

/** Bytes of the sentence that says why. */
export const PROBLEM_BYTES_MAX = 256;

export function writeRotate(writer: ByteWriter, command: RotateSecret): ByteWriter {
  writer.text(command.id).text(command.rotationId);
  writeOptional(writer, command.expect, (target, version) => target.u32(version));
  writeRotatedServices(writer, command.services);
  return writer.u64(command.timeout_ms).bytes(command.value.expose()).u64(command.at_ms);
}

export function readRotate(reader: ByteReader, valueOf: (bytes: Buffer) => SecretValue): RotateSecret {
  return {
    kind: 'rotate',
    id: reader.text(ID_LENGTH_MAX),
    rotationId: reader.text(ID_LENGTH_MAX),
    expect: readOptional(reader, (source) => source.u32()),
    services: readRotatedServices(reader),
    timeout_ms: reader.u64(),
    value: valueOf(reader.bytes(VALUE_BYTES_MAX)),
    at_ms: reader.u64(),
  };
}

export function writeRevertRotation(writer: ByteWriter, command: RevertRotation): ByteWriter {
  return writer
    .text(command.id)
    .u8(command.restore ? 1 : 0)
    .text(command.problem)
    .u64(command.at_ms);
}

export function readRevertRotation(reader: ByteReader): RevertRotation {
  return {
    kind: 'revert-rotation',
    id: reader.text(ID_LENGTH_MAX),
    restore: reader.u8() === 1,
    problem: reader.text(PROBLEM_BYTES_MAX),
    at_ms: reader.u64(),
  };
}
