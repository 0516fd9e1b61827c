// SPDX-License-Identifier: Apache-2.0
// Rotations and their commands as bytes: the fields in the order of their types; a phase or a state is its u8 place in its list.
import {
  type ByteReader,
  type ByteWriter,
  CofferError,
  NAME_LENGTH_MAX,
  unreachable,
} from '../common/index.ts';
import { TEXT_BYTES_MAX } from './model.ts';
import {
  ROTATED_SERVICES_MAX,
  ROTATED_STATES,
  type RotatedService,
  type RotatedState,
  ROTATION_PHASES,
  type RotationCommand,
  type RotationMark,
  type RotationObject,
} from './rotation.ts';

/** Apart from those of the other objects, as those of grant-codec.ts are. */
export const ROTATION_OBJECT_TAG = { rotation: 96 } as const satisfies Record<RotationObject['kind'], number>;

/** Likewise. */
export const ROTATION_COMMAND_TAG = {
  'step-rotation': 96,
  'end-rotation': 97,
  'hold-rotation': 98,
} as const satisfies Record<RotationCommand['kind'], number>;

export function writeRotation(writer: ByteWriter, rotation: RotationObject): ByteWriter {
  writer.text(rotation.id).text(rotation.secretId).text(rotation.secretName);
  writer.u32(rotation.fromVersion).u32(rotation.toVersion).u32(rotation.restoredVersion);
  writer.u8(ROTATION_PHASES.indexOf(rotation.phase)).text(rotation.problem).u64(rotation.timeout_ms);
  writeRotatedServices(writer, rotation.services);
  writer.u64(rotation.begunAt_ms).u64(rotation.endedAt_ms);
  return writer.u64(rotation.heldAt_ms).text(rotation.heldBecause);
}

/** The rotation that follows on its kind; undefined for a kind that is none. */
export function readRotationObject(tag: number, reader: ByteReader): RotationObject | undefined {
  return tag === ROTATION_OBJECT_TAG.rotation ? readRotation(reader) : undefined;
}

export function writeRotationCommand(writer: ByteWriter, command: RotationCommand): ByteWriter {
  writer.text(command.id);
  switch (command.kind) {
    case 'step-rotation':
      writer.text(command.serviceId);
      writer.u8(ROTATED_STATES.indexOf(command.from)).u8(ROTATED_STATES.indexOf(command.to));
      writer.u8(command.mark === undefined ? 0 : 1);
      return (command.mark === undefined ? writer : writeMark(writer, command.mark)).text(command.note);
    case 'end-rotation':
      return writer.u64(command.at_ms);
    case 'hold-rotation':
      return writer.text(command.because).u64(command.at_ms);
    default:
      return unreachable(command);
  }
}

/** As `readRotationObject`. */
export function readRotationCommand(tag: number, reader: ByteReader): RotationCommand | undefined {
  switch (tag) {
    case ROTATION_COMMAND_TAG['step-rotation']:
      return {
        kind: 'step-rotation',
        id: reader.text(TEXT_BYTES_MAX),
        serviceId: reader.text(TEXT_BYTES_MAX),
        from: readState(reader),
        to: readState(reader),
        mark: reader.u8() === 0 ? undefined : readMark(reader),
        note: reader.text(TEXT_BYTES_MAX),
      };
    case ROTATION_COMMAND_TAG['end-rotation']:
      return { kind: 'end-rotation', id: reader.text(TEXT_BYTES_MAX), at_ms: reader.u64() };
    case ROTATION_COMMAND_TAG['hold-rotation']:
      return {
        kind: 'hold-rotation',
        id: reader.text(TEXT_BYTES_MAX),
        because: reader.text(TEXT_BYTES_MAX),
        at_ms: reader.u64(),
      };
    default:
      return undefined;
  }
}

/** As u32 count, and then the fields of each. */
export function writeRotatedServices(writer: ByteWriter, services: readonly RotatedService[]): ByteWriter {
  writer.u32(services.length);
  for (const service of services) {
    writer.text(service.id).text(service.name).u8(ROTATED_STATES.indexOf(service.state)).text(service.note);
    writeMark(writer, service);
  }
  return writer;
}

/** Throws `store.damaged` for more than a rotation can have. */
export function readRotatedServices(reader: ByteReader): readonly RotatedService[] {
  const count = reader.u32();
  if (count > ROTATED_SERVICES_MAX) {
    throw new CofferError('store.damaged', `a rotation updates ${count} services`);
  }
  return Array.from({ length: count }, () => ({
    id: reader.text(TEXT_BYTES_MAX),
    name: reader.text(TEXT_BYTES_MAX),
    state: readState(reader),
    note: reader.text(TEXT_BYTES_MAX),
    ...readMark(reader),
  }));
}

function readRotation(reader: ByteReader): RotationObject {
  return {
    kind: 'rotation',
    id: reader.text(TEXT_BYTES_MAX),
    secretId: reader.text(TEXT_BYTES_MAX),
    secretName: reader.text(NAME_LENGTH_MAX),
    fromVersion: reader.u32(),
    toVersion: reader.u32(),
    restoredVersion: reader.u32(),
    phase: ROTATION_PHASES[reader.u8()] ?? unknown('phase'),
    problem: reader.text(TEXT_BYTES_MAX),
    timeout_ms: reader.u64(),
    services: readRotatedServices(reader),
    begunAt_ms: reader.u64(),
    endedAt_ms: reader.u64(),
    heldAt_ms: reader.u64(),
    heldBecause: reader.text(TEXT_BYTES_MAX),
  };
}

function writeMark(writer: ByteWriter, mark: RotationMark): ByteWriter {
  return writer.u64(mark.forceUpdate).u64(mark.versionIndex).text(mark.updateStartedAt);
}

function readMark(reader: ByteReader): RotationMark {
  return {
    forceUpdate: reader.u64(),
    versionIndex: reader.u64(),
    updateStartedAt: reader.text(TEXT_BYTES_MAX),
  };
}

function readState(reader: ByteReader): RotatedState {
  return ROTATED_STATES[reader.u8()] ?? unknown('state of a service');
}

function unknown(what: string): never {
  throw new CofferError('store.damaged', `a rotation names a ${what} that this version cannot read`);
}
