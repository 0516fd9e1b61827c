// SPDX-License-Identifier: Apache-2.0
// Schedules as they are typed and shown.
import type { BackupSchedule, Schedules } from '../control/index.ts';
import { DAY_MS, formatDuration, HOUR_MS, MINUTE_MS } from '../common/index.ts';
import { humanAge } from './text.ts';

/** `every 30d`, `daily at 03:00 UTC`. */
export function backupScheduleText({ every_ms, offset_ms }: BackupSchedule): string {
  return every_ms === DAY_MS && offset_ms !== undefined
    ? `daily at ${timeOfDay(offset_ms)} UTC`
    : `every ${formatDuration(every_ms)}`;
}

/** What the cluster's description shows of them. */
export function scheduleFields(
  schedules: Schedules | undefined,
  now_ms: number,
): readonly (readonly [string, string])[] {
  if (schedules === undefined) {
    return [];
  }
  const { backup, dataKey_ms, oldestDataKeyMadeAt_ms: oldest_ms } = schedules;
  const rotated = dataKey_ms === undefined ? 'on demand' : `every ${formatDuration(dataKey_ms)}`;
  const oldest =
    oldest_ms === undefined ? '' : `; the oldest was made ${humanAge(oldest_ms, now_ms).toLowerCase()}`;
  return [
    ['Data keys:', `rotated ${rotated}${oldest}`],
    [
      'Backups:',
      backup === undefined
        ? 'on demand'
        : `${backupScheduleText(backup)} on each manager, ${backup.keep} kept`,
    ],
  ];
}

function timeOfDay(offset_ms: number): string {
  const hours = Math.floor(offset_ms / HOUR_MS);
  const minutes = Math.floor((offset_ms % HOUR_MS) / MINUTE_MS);
  return `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
}
