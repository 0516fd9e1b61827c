// SPDX-License-Identifier: Apache-2.0
import { MINUTE_MS } from '../common/index.ts';
// What the managers do by themselves, each on its own disk: rotate their data keys, and write backups.

/** That every manager rotates its data key once more, and lets go of what its log holds of removed secrets. */
export interface PurgeObject {
  readonly kind: 'purge';
  /** Counts how often it was asked for, from 1 on. */
  readonly version: number;
  readonly askedAt_ms: number;
}

/** How old a data key may become. */
export interface DataKeyScheduleObject {
  readonly kind: 'data-key-schedule';
  /** 0: keys are rotated when somebody asks for it. */
  readonly every_ms: number;
  readonly setAt_ms: number;
}

/** When each manager writes a backup of its own, and to whom it is sealed. */
export interface BackupScheduleObject {
  readonly kind: 'backup-schedule';
  /** 0: there is no schedule. */
  readonly every_ms: number;
  /** When in each of these periods, counted from midnight UTC of 1 January 1970. Below `every_ms`. */
  readonly offset_ms: number;
  /** In the form in which they are shown; none is secret. */
  readonly recipients: readonly string[];
  /** How many files each manager keeps. */
  readonly keep: number;
  readonly setAt_ms: number;
}

/** What a manager has last said of its data key. */
export interface DataKeyReportObject {
  readonly kind: 'data-key-report';
  readonly nodeId: string;
  /** 16 hexadecimal digits. */
  readonly keyId: string;
  /** The key is no older than this. */
  readonly madeAt_ms: number;
  /** The version of the last purge that this manager has carried out. 0: none. */
  readonly purged: number;
}

export type MaintenanceObject =
  | PurgeObject
  | DataKeyScheduleObject
  | BackupScheduleObject
  | DataKeyReportObject;

/** Asks for a purge. Each asking is one of its own: it also stands for what was removed after the one before. */
export interface AskPurge {
  readonly kind: 'ask-purge';
  readonly at_ms: number;
}

/** Fails with `cluster.schedule` for times and numbers that no schedule can have. */
export interface SetDataKeySchedule {
  readonly kind: 'set-data-key-schedule';
  readonly schedule: DataKeyScheduleObject;
}

/** Fails as `SetDataKeySchedule` does. */
export interface SetBackupSchedule {
  readonly kind: 'set-backup-schedule';
  readonly schedule: BackupScheduleObject;
}

/** Fails with `cluster.node-not-found` or `cluster.role` unless it is of a manager. */
export interface ReportDataKey {
  readonly kind: 'report-data-key';
  readonly report: DataKeyReportObject;
}

export type MaintenanceCommand = AskPurge | SetDataKeySchedule | SetBackupSchedule | ReportDataKey;

const DAY_MS = 24 * 60 * MINUTE_MS;

/** One minute: far more often than anybody needs, and still no flood. */
export const SCHEDULE_MIN_MS = MINUTE_MS;
/** Ten years. */
export const SCHEDULE_MAX_MS = 3_650 * DAY_MS;
/** As many as a backup can be sealed to. */
export const RECIPIENTS_MAX = 16;
export const BACKUPS_KEPT_MAX = 10_000;
