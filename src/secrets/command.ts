// SPDX-License-Identifier: Apache-2.0
// The commands that change the secrets, and those of the cluster, as they stand in the replicated log.
import { ByteReader, ByteWriter, CofferError, SecretValue, unreachable } from '../common/index.ts';
import {
  type ClusterCommand,
  isClusterCommand,
  readClusterCommand,
  writeClusterCommand,
} from '../membership/index.ts';
import { type Delivery, readDelivery, writeDelivery } from './delivery.ts';
import { readCount, readLabels, readOptional, readOrigin, writeLabels, writeOptional } from './fields.ts';
import { ID_LENGTH_MAX, NAME_LENGTH_MAX, VALUE_BYTES_MAX } from './limits.ts';
import { type EngineBinding, type Labels, ORIGINS, type Origin } from './model.ts';
import {
  readRestore,
  readRestoreVersions,
  type RestoreSecret,
  type RestoreVersions,
  writeRestore,
  writeRestoreVersions,
} from './restore-command.ts';
import {
  readRevertRotation,
  readRotate,
  type RevertRotation,
  type RotateSecret,
  writeRevertRotation,
  writeRotate,
} from './rotation-command.ts';
import {
  readDestroy,
  readPrune,
  readRollback,
  type VersionCommand,
  writeVersionCommand,
} from './version-commands.ts';

/** A new secret with its first version. Fails with `secret.exists` if the name is taken. */
export interface CreateSecret {
  readonly kind: 'create';
  /** The id that it gets: 25 characters of base 36, from `newSecretId`. */
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly origin: Origin;
  readonly pending: boolean;
  readonly value: SecretValue;
  readonly at_ms: number;
}

/** A pending secret is now registered in the engine under this id. */
export interface ActivateSecret {
  readonly kind: 'activate';
  readonly id: string;
  readonly engine: EngineBinding;
  readonly at_ms: number;
}

/** A new version of the secret of that name; or, where there is none, a new secret with `id`. */
export interface PutValue {
  readonly kind: 'put';
  readonly id: string;
  readonly name: string;
  /** Replaces all labels; absent, they stay. */
  readonly labels: Labels | undefined;
  readonly origin: Origin;
  /**
   * `always`; `absent` makes version 1 or else changes nothing and answers with what is there; a number is the
   * current version that the caller knows, 0 for none, and any other fails with `secret.version-conflict`.
   */
  readonly expect: 'always' | 'absent' | number;
  readonly value: SecretValue;
  readonly at_ms: number;
}

/** Replaces all labels of a secret. */
export interface SetLabels {
  readonly kind: 'set-labels';
  readonly id: string;
  readonly labels: Labels;
  /** Fails with `secret.version-conflict` unless this is the secret's `modifiedIndex`. Absent: not compared. */
  readonly expectIndex: number | undefined;
  readonly at_ms: number;
}

/** Removes a secret with all its versions. Fails with `secret.not-found`. */
export interface RemoveSecret {
  readonly kind: 'remove';
  readonly id: string;
}

/** Remembers which version a task was given. Written after the answer, off its path, and in groups. */
export interface RecordDeliveries {
  readonly kind: 'record-deliveries';
  readonly deliveries: readonly Delivery[];
}

/** The commands that are about secrets. */
export type SecretCommand =
  | CreateSecret
  | ActivateSecret
  | PutValue
  | VersionCommand
  | RotateSecret
  | RevertRotation
  | SetLabels
  | RemoveSecret
  | RecordDeliveries
  | RestoreSecret
  | RestoreVersions;

/** All that can stand in the log. */
export type Command = SecretCommand | ClusterCommand;

/** How many deliveries one command may hold. */
export const DELIVERIES_PER_COMMAND = 1_000;

const FORMAT = 1;
const KIND_TAG = {
  create: 1,
  activate: 2,
  put: 3,
  'set-labels': 4,
  remove: 5,
  'record-deliveries': 6,
  // 7 is `CLUSTER_TAG`.
  restore: 8,
  'restore-versions': 9,
  rollback: 10,
  destroy: 11,
  prune: 12,
  rotate: 32,
  'revert-rotation': 33,
} as const satisfies Record<SecretCommand['kind'], number>;
/** What follows is a command of the cluster, with a kind of its own. */
const CLUSTER_TAG = 7;

/**
 * The bytes of a command: u8 format (1), u8 kind, then the fields in the order of the types above. The caller
 * owns the buffer, which holds the value in the clear, and wipes it.
 */
export function encodeCommand(command: Command): Buffer {
  return writeCommand(new ByteWriter(), command).finish();
}

/** Appends a command as `encodeCommand` makes it. The value is copied at once. */
export function writeCommand(writer: ByteWriter, command: Command): ByteWriter {
  if (isClusterCommand(command)) {
    return writeClusterCommand(writer.u8(FORMAT).u8(CLUSTER_TAG), command);
  }
  writer.u8(FORMAT).u8(KIND_TAG[command.kind]);
  switch (command.kind) {
    case 'create':
      writer.text(command.id).text(command.name);
      writeLabels(writer, command.labels);
      writer.u8(ORIGINS.indexOf(command.origin)).u8(command.pending ? 1 : 0);
      return writer.bytes(command.value.expose()).u64(command.at_ms);
    case 'activate':
      writer.text(command.id).text(command.engine.secretId).text(command.engine.swarmId);
      return writer.u64(command.at_ms);
    case 'put':
      writer.text(command.id).text(command.name);
      writeOptional(writer, command.labels, writeLabels);
      writer.u8(ORIGINS.indexOf(command.origin));
      writeExpect(writer, command.expect);
      return writer.bytes(command.value.expose()).u64(command.at_ms);
    case 'set-labels':
      writer.text(command.id);
      writeLabels(writer, command.labels);
      writeOptional(writer, command.expectIndex, (target, index) => target.u64(index));
      return writer.u64(command.at_ms);
    case 'rollback':
    case 'destroy':
    case 'prune':
      return writeVersionCommand(writer, command);
    case 'remove':
      return writer.text(command.id);
    case 'record-deliveries':
      writer.u32(command.deliveries.length);
      for (const delivery of command.deliveries) {
        writeDelivery(writer, delivery);
      }
      return writer;
    case 'rotate':
      return writeRotate(writer, command);
    case 'revert-rotation':
      return writeRevertRotation(writer, command);
    case 'restore':
      return writeRestore(writer, command);
    case 'restore-versions':
      return writeRestoreVersions(writer, command);
    default:
      return unreachable(command);
  }
}

/** What becomes of the bytes of a value that is read. */
const VALUE_OF = {
  copy: (bytes: Buffer) => SecretValue.copyOf(bytes),
  view: (bytes: Buffer) => SecretValue.takeOver(bytes),
} as const;

/** Reads a command; throws `store.damaged` for bytes that `encodeCommand` does not write. See `decodeRequest` for `value`. */
export function decodeCommand(bytes: Uint8Array, value: 'copy' | 'view' = 'copy'): Command {
  const reader = new ByteReader(bytes, 'a command in the log');
  const format = reader.u8();
  if (format !== FORMAT) {
    throw new CofferError(
      'store.damaged',
      `a command in the log has format ${format}, which this version cannot read`,
    );
  }
  const command = readCommand(reader, VALUE_OF[value]);
  reader.finish();
  return command;
}

function readCommand(reader: ByteReader, valueOf: (bytes: Buffer) => SecretValue): Command {
  const tag = reader.u8();
  switch (tag) {
    case KIND_TAG.create:
      return {
        kind: 'create',
        id: reader.text(ID_LENGTH_MAX),
        name: reader.text(NAME_LENGTH_MAX),
        labels: readLabels(reader),
        origin: readOrigin(reader),
        pending: reader.u8() === 1,
        value: valueOf(reader.bytes(VALUE_BYTES_MAX)),
        at_ms: reader.u64(),
      };
    case KIND_TAG.activate:
      return {
        kind: 'activate',
        id: reader.text(ID_LENGTH_MAX),
        engine: { secretId: reader.text(ID_LENGTH_MAX), swarmId: reader.text(ID_LENGTH_MAX) },
        at_ms: reader.u64(),
      };
    case KIND_TAG.put:
      return {
        kind: 'put',
        id: reader.text(ID_LENGTH_MAX),
        name: reader.text(NAME_LENGTH_MAX),
        labels: readOptional(reader, readLabels),
        origin: readOrigin(reader),
        expect: readExpect(reader),
        value: valueOf(reader.bytes(VALUE_BYTES_MAX)),
        at_ms: reader.u64(),
      };
    case KIND_TAG['set-labels']:
      return {
        kind: 'set-labels',
        id: reader.text(ID_LENGTH_MAX),
        labels: readLabels(reader),
        expectIndex: readOptional(reader, (source) => source.u64()),
        at_ms: reader.u64(),
      };
    case KIND_TAG.rollback:
      return readRollback(reader);
    case KIND_TAG.destroy:
      return readDestroy(reader);
    case KIND_TAG.prune:
      return readPrune(reader);
    case KIND_TAG.remove:
      return { kind: 'remove', id: reader.text(ID_LENGTH_MAX) };
    case KIND_TAG['record-deliveries']:
      return { kind: 'record-deliveries', deliveries: readDeliveries(reader) };
    case KIND_TAG.rotate:
      return readRotate(reader, valueOf);
    case KIND_TAG['revert-rotation']:
      return readRevertRotation(reader);
    case KIND_TAG.restore:
      return readRestore(reader, valueOf);
    case KIND_TAG['restore-versions']:
      return readRestoreVersions(reader, valueOf);
    case CLUSTER_TAG:
      return readClusterCommand(reader);
    default:
      throw new CofferError(
        'store.damaged',
        `a command in the log has kind ${tag}, which this version cannot read`,
      );
  }
}

function readDeliveries(reader: ByteReader): Delivery[] {
  const count = readCount(reader, DELIVERIES_PER_COMMAND);
  return Array.from({ length: count }, () => readDelivery(reader));
}

function writeExpect(writer: ByteWriter, expect: PutValue['expect']): void {
  const [tag, version] = expect === 'always' ? [0, 0] : expect === 'absent' ? [1, 0] : [2, expect];
  writer.u8(tag).u32(version);
}

function readExpect(reader: ByteReader): PutValue['expect'] {
  const tag = reader.u8();
  const version = reader.u32();
  return tag === 0 ? 'always' : tag === 1 ? 'absent' : version;
}
