// SPDX-License-Identifier: Apache-2.0
// The commands as bytes.
import { ByteReader, ByteWriter, CofferError, SecretValue, unreachable } from '../common/index.ts';
import { isClusterCommand, readClusterCommand, writeClusterCommand } from '../membership/index.ts';
import {
  type Command,
  type CreateSecret,
  DELIVERIES_PER_COMMAND,
  type PutValue,
  type SecretCommand,
  type SetLabels,
} from './command.ts';
import { type Delivery, readDelivery, writeDelivery } from './delivery.ts';
import { readCount, readLabels, readOptional, readOrigin, writeLabels, writeOptional } from './fields.ts';
import { ID_LENGTH_MAX, NAME_LENGTH_MAX, VALUE_BYTES_MAX } from './limits.ts';
import { ORIGINS } from './model.ts';
import { readRestore, readRestoreVersions, writeRestore, writeRestoreVersions } from './restore-command.ts';
import { readRevertRotation, readRotate, writeRevertRotation, writeRotate } from './rotation-command.ts';
import { readDestroy, readPrune, readRollback, writeVersionCommand } from './version-commands.ts';

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
 * The bytes of a command: u8 format (1), u8 kind, then the fields in the order of their types. The caller
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

type ReadValue = (bytes: Buffer) => SecretValue;

/** What becomes of the bytes of a value that is read. */
const VALUE_OF = {
  copy: (bytes: Buffer) => SecretValue.copyOf(bytes),
  view: (bytes: Buffer) => SecretValue.takeOver(bytes),
} as const satisfies Record<string, ReadValue>;

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

function readCommand(reader: ByteReader, valueOf: ReadValue): Command {
  const tag = reader.u8();
  switch (tag) {
    case KIND_TAG.create:
      return readCreate(reader, valueOf);
    case KIND_TAG.activate:
      return {
        kind: 'activate',
        id: reader.text(ID_LENGTH_MAX),
        engine: { secretId: reader.text(ID_LENGTH_MAX), swarmId: reader.text(ID_LENGTH_MAX) },
        at_ms: reader.u64(),
      };
    case KIND_TAG.put:
      return readPut(reader, valueOf);
    case KIND_TAG['set-labels']:
      return readSetLabels(reader);
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

function readCreate(reader: ByteReader, valueOf: ReadValue): CreateSecret {
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
}

function readPut(reader: ByteReader, valueOf: ReadValue): PutValue {
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
}

function readSetLabels(reader: ByteReader): SetLabels {
  return {
    kind: 'set-labels',
    id: reader.text(ID_LENGTH_MAX),
    labels: readLabels(reader),
    expectIndex: readOptional(reader, (source) => source.u64()),
    at_ms: reader.u64(),
  };
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
