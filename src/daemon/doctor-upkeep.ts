// SPDX-License-Identifier: Apache-2.0
// What doctor finds right or wrong with what a manager does by itself: rotations, backups, and the key to its next start.
import type { ClusterAdmin, DataKeyDescription } from '../cluster/index.ts';
import type { Check, ScheduledBackupsReply } from '../control/index.ts';
import { counted } from '../wording/index.ts';
import type { UnlockKeyPlace } from './settings.ts';

/** A rotation that has sealed nothing anew for so long is stuck. */
const STILL_MS_MAX = 5 * 60_000;
/** Of periods: a backup may take its time, and be tried again. */
const LATE_PERIODS = 1.5;

export interface UpkeepDoctorOptions {
  readonly admin: () => ClusterAdmin;
  readonly backups: () => Promise<ScheduledBackupsReply>;
  readonly staleUnlockKeys: () => Promise<readonly UnlockKeyPlace[]>;
}

/** Never rejects. Nothing is said by a node that is no manager that serves: its store's own check tells why. */
export async function upkeepChecks(options: UpkeepDoctorOptions): Promise<readonly Check[]> {
  try {
    const key = options.admin().dataKey.describe();
    const stale = key.sealed ? await options.staleUnlockKeys() : [];
    return [
      ...rotationChecks(key),
      ...unlockKeyChecks(stale),
      ...backupChecks(await options.backups(), Date.now()),
    ];
  } catch {
    return [];
  }
}

/** Pure: whether the last rotation of the data key came to its end, or goes on. */
export function rotationChecks({ problem, rotation, still_ms = 0 }: DataKeyDescription): readonly Check[] {
  const name = 'data key';
  if (rotation !== undefined && still_ms > STILL_MS_MAX) {
    const minutes = counted(Math.floor(still_ms / 60_000), 'minute');
    return [
      {
        name,
        level: 'warning',
        message: `its rotation hangs: it has sealed ${counted(rotation.resealed, 'record')} anew, and none for ${minutes}`,
        mend: 'See whether a backup or a snapshot is being read, and whether the disk answers; a restart goes on with it.',
      },
    ];
  }
  return problem === undefined || rotation !== undefined
    ? []
    : [
        {
          name,
          level: 'warning',
          message: `its last rotation failed: ${problem}`,
          mend: 'Both keys are kept, so nothing is lost. When that is mended: docker coffer data-key --rotate',
        },
      ];
}

/** Pure: whether the next start would find the unlock key where the settings say that it is. */
export function unlockKeyChecks(stale: readonly UnlockKeyPlace[]): readonly Check[] {
  return stale.map(({ file, name }) => ({
    name: 'unlock key',
    level: 'warning',
    message: `${name} (${file}) does not hold the unlock key that opens this node's keys: its next start would be locked`,
    mend: `Write the present key there: docker coffer unlock-key -q > ${file}`,
  }));
}

/** Pure: whether the scheduled backups are made. */
export function backupChecks(
  { directory, failure, files, running, schedule }: ScheduledBackupsReply,
  now_ms: number,
): readonly Check[] {
  const name = 'backups';
  if (schedule === undefined) {
    return [];
  }
  const last = files.at(-1);
  const kept = `${counted(files.length, 'scheduled backup')} in ${directory}`;
  if (failure !== undefined) {
    const mend = failure.hint ?? 'See the log; it is tried again by itself.';
    return [
      { name, level: 'failure', message: `the last one was not written: ${failure.message}; ${kept}`, mend },
    ];
  }
  const isLate = last === undefined || now_ms - last.createdAt_ms > LATE_PERIODS * schedule.every_ms;
  if (isLate && !running) {
    return [
      {
        name,
        level: 'warning',
        message: `the newest one is older than the schedule would have it; ${kept}`,
        mend: 'See the log, and whether the clock is right: docker coffer backup-ls',
      },
    ];
  }
  const what = running ? 'one is being written' : `the newest is ${last?.name ?? ''}`;
  return [{ name, level: 'ok', message: `${kept}; ${what}` }];
}
