// SPDX-License-Identifier: Apache-2.0
// What a manager does by itself, as status tells it.
import path from 'node:path';
import { BackupDirectory, type ScheduledBackups } from '../archive/index.ts';
import type { ClusterAdmin } from '../cluster/index.ts';
import { describeRotation, type UpkeepStatus } from '../control/index.ts';
import { isRunning, type RotationObject } from '../membership/index.ts';
import type { Settings } from './settings.ts';

const DIRECTORY_NAME = 'backups';

/** Where this manager's scheduled backups go. */
export function backupDirectoryOf({
  backupDirectory,
  stateDirectory,
}: Pick<Settings, 'backupDirectory' | 'stateDirectory'>): BackupDirectory {
  return backupDirectory === undefined
    ? new BackupDirectory({ path: path.join(stateDirectory, DIRECTORY_NAME), mayBeMade: true })
    : new BackupDirectory({ path: backupDirectory, mayBeMade: false });
}

/** Never rejects; undefined while this node is no manager that serves. */
export async function describeUpkeep(
  admin: () => ClusterAdmin,
  backups: Pick<ScheduledBackups, 'describe'>,
  rotations: () => readonly RotationObject[],
): Promise<UpkeepStatus | undefined> {
  try {
    const { madeAt_ms, nextAt_ms, problem } = admin().dataKey.describe();
    const { failure, files, nextAt_ms: backupAt_ms, schedule } = await backups.describe();
    return {
      dataKeyMadeAt_ms: madeAt_ms,
      dataKeyNextAt_ms: nextAt_ms,
      dataKeyProblem: problem,
      backups: schedule && {
        lastAt_ms: files.at(-1)?.createdAt_ms,
        nextAt_ms: backupAt_ms,
        problem: failure?.message,
      },
      rotations: rotations().filter(isRunning).map(describeRotation),
    };
  } catch {
    return undefined;
  }
}
