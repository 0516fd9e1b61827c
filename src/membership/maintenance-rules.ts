// SPDX-License-Identifier: Apache-2.0
// The rules of the managers' own work; pure, as those of rules.ts.
import { CofferError, unreachable } from '../common/index.ts';
import type { ClusterView } from './cluster-index.ts';
import {
  BACKUPS_KEPT_MAX,
  type BackupScheduleObject,
  type DataKeyReportObject,
  type MaintenanceCommand,
  type MaintenanceObject,
  RECIPIENTS_MAX,
  SCHEDULE_MAX_MS,
  SCHEDULE_MIN_MS,
} from './maintenance.ts';

/** The object that the command puts in its place. Throws `cluster.*` for a command that is refused. */
export function applyMaintenanceCommand(view: ClusterView, command: MaintenanceCommand): MaintenanceObject {
  switch (command.kind) {
    case 'ask-purge':
      return { kind: 'purge', version: (view.purge?.version ?? 0) + 1, askedAt_ms: command.at_ms };
    case 'set-data-key-schedule':
      checkPeriod(command.schedule.every_ms, 'a data key lasts');
      return command.schedule;
    case 'set-backup-schedule':
      return checkedBackupSchedule(command.schedule);
    case 'report-data-key':
      return checkedReport(view, command.report);
    default:
      return unreachable(command);
  }
}

function checkPeriod(every_ms: number, what: string): void {
  if (every_ms !== 0 && (every_ms < SCHEDULE_MIN_MS || every_ms > SCHEDULE_MAX_MS)) {
    throw new CofferError('cluster.schedule', `${what} a minute at least, and ten years at most`);
  }
}

function checkedBackupSchedule(schedule: BackupScheduleObject): BackupScheduleObject {
  const { every_ms, keep, offset_ms, recipients } = schedule;
  if (every_ms === 0) {
    return { ...schedule, offset_ms: 0 };
  }
  checkPeriod(every_ms, 'from one backup to the next it is');
  if (offset_ms >= every_ms) {
    throw new CofferError('cluster.schedule', 'the time of a backup lies within its period');
  }
  if (recipients.length < 1 || recipients.length > RECIPIENTS_MAX) {
    throw new CofferError('cluster.schedule', `a backup is sealed to 1 to ${RECIPIENTS_MAX} recipients`);
  }
  if (keep < 1 || keep > BACKUPS_KEPT_MAX) {
    throw new CofferError('cluster.schedule', `1 to ${BACKUPS_KEPT_MAX} backups are kept`);
  }
  return schedule;
}

function checkedReport(view: ClusterView, report: DataKeyReportObject): DataKeyReportObject {
  const node = view.node(report.nodeId);
  if (node === undefined) {
    throw new CofferError('cluster.node-not-found', `there is no node ${report.nodeId} in the cluster`);
  }
  if (node.role !== 'manager') {
    throw new CofferError('cluster.role', `node ${node.hostname} is no manager`);
  }
  return report;
}
