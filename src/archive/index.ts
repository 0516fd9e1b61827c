// SPDX-License-Identifier: Apache-2.0
// Backups of a store and back into one: by hand, by schedule, and as a drill.
export { BackupDirectory } from './backup-directory.ts';
export { Drills, type DrillSummary } from './drill.ts';
export { beginBackup } from './payload.ts';
export { restoreBackup, type RestoreSummary } from './restore.ts';
export { ScheduledBackups, type ScheduledBackupsDescription } from './scheduled-backups.ts';
