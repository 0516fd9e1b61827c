// SPDX-License-Identifier: Apache-2.0
// The objects and commands of the managers' own work as bytes: the fields in the order of their types. What stands before
// them, the format and the kind, is written and read with those of all others.
import { type ByteReader, type ByteWriter, CofferError, unreachable } from '../common/index.ts';
import type {
  BackupScheduleObject,
  DataKeyReportObject,
  DataKeyScheduleObject,
  MaintenanceCommand,
  MaintenanceObject,
} from './maintenance.ts';
import { RECIPIENTS_MAX } from './maintenance.ts';
import { TEXT_BYTES_MAX } from './model.ts';

/** Apart from those of the other objects, which are counted on from 1. */
export const MAINTENANCE_OBJECT_TAG = {
  purge: 32,
  'data-key-schedule': 33,
  'backup-schedule': 34,
  'data-key-report': 35,
} as const satisfies Record<MaintenanceObject['kind'], number>;

/** Likewise. */
export const MAINTENANCE_COMMAND_TAG = {
  'ask-purge': 32,
  'set-data-key-schedule': 33,
  'set-backup-schedule': 34,
  'report-data-key': 35,
} as const satisfies Record<MaintenanceCommand['kind'], number>;

export function writeMaintenanceObject(writer: ByteWriter, object: MaintenanceObject): ByteWriter {
  switch (object.kind) {
    case 'purge':
      return writer.u64(object.version).u64(object.askedAt_ms);
    case 'data-key-schedule':
      return writer.u64(object.every_ms).u64(object.setAt_ms);
    case 'backup-schedule':
      writer.u64(object.every_ms).u64(object.offset_ms).u8(object.recipients.length);
      object.recipients.forEach((recipient) => writer.text(recipient));
      return writer.u32(object.keep).u64(object.setAt_ms);
    case 'data-key-report':
      return writer.text(object.nodeId).text(object.keyId).u64(object.madeAt_ms).u64(object.purged);
    default:
      return unreachable(object);
  }
}

/** The object that follows on its kind; undefined for a kind that is none of these. */
export function readMaintenanceObject(tag: number, reader: ByteReader): MaintenanceObject | undefined {
  switch (tag) {
    case MAINTENANCE_OBJECT_TAG.purge:
      return { kind: 'purge', version: reader.u64(), askedAt_ms: reader.u64() };
    case MAINTENANCE_OBJECT_TAG['data-key-schedule']:
      return readDataKeySchedule(reader);
    case MAINTENANCE_OBJECT_TAG['backup-schedule']:
      return readBackupSchedule(reader);
    case MAINTENANCE_OBJECT_TAG['data-key-report']:
      return readReport(reader);
    default:
      return undefined;
  }
}

export function writeMaintenanceCommand(writer: ByteWriter, command: MaintenanceCommand): ByteWriter {
  switch (command.kind) {
    case 'ask-purge':
      return writer.u64(command.at_ms);
    case 'set-data-key-schedule':
    case 'set-backup-schedule':
      return writeMaintenanceObject(writer, command.schedule);
    case 'report-data-key':
      return writeMaintenanceObject(writer, command.report);
    default:
      return unreachable(command);
  }
}

/** As `readMaintenanceObject`. */
export function readMaintenanceCommand(tag: number, reader: ByteReader): MaintenanceCommand | undefined {
  switch (tag) {
    case MAINTENANCE_COMMAND_TAG['ask-purge']:
      return { kind: 'ask-purge', at_ms: reader.u64() };
    case MAINTENANCE_COMMAND_TAG['set-data-key-schedule']:
      return { kind: 'set-data-key-schedule', schedule: readDataKeySchedule(reader) };
    case MAINTENANCE_COMMAND_TAG['set-backup-schedule']:
      return { kind: 'set-backup-schedule', schedule: readBackupSchedule(reader) };
    case MAINTENANCE_COMMAND_TAG['report-data-key']:
      return { kind: 'report-data-key', report: readReport(reader) };
    default:
      return undefined;
  }
}

function readDataKeySchedule(reader: ByteReader): DataKeyScheduleObject {
  return { kind: 'data-key-schedule', every_ms: reader.u64(), setAt_ms: reader.u64() };
}

function readBackupSchedule(reader: ByteReader): BackupScheduleObject {
  return {
    kind: 'backup-schedule',
    every_ms: reader.u64(),
    offset_ms: reader.u64(),
    recipients: readRecipients(reader),
    keep: reader.u32(),
    setAt_ms: reader.u64(),
  };
}

function readRecipients(reader: ByteReader): readonly string[] {
  const count = reader.u8();
  if (count > RECIPIENTS_MAX) {
    throw new CofferError('store.damaged', `a schedule of backups names ${count} recipients`);
  }
  return Array.from({ length: count }, () => reader.text(TEXT_BYTES_MAX));
}

function readReport(reader: ByteReader): DataKeyReportObject {
  return {
    kind: 'data-key-report',
    nodeId: reader.text(TEXT_BYTES_MAX),
    keyId: reader.text(TEXT_BYTES_MAX),
    madeAt_ms: reader.u64(),
    purged: reader.u64(),
  };
}
