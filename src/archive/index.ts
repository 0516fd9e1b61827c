// SPDX-License-Identifier: Apache-2.0
// Backups of a store and back into one: by hand, by schedule, and as a drill.
export { BackupDirectory, type BackupDirectoryOptions, type OpenedBackup } from './backup-directory.ts';
export { Drills, type DrillsOptions, type DrillSummary, type DrillWish } from './drill.ts';
export { beginBackup } from './payload.ts';
export { type Existing, restoreBackup, type RestoreSummary, type RestoreWish } from './restore.ts';
export {
  type BackupFailure,
  ScheduledBackups,
  type ScheduledBackupsDescription,
  type ScheduledBackupsOptions,
} from './scheduled-backups.ts';
