// SPDX-License-Identifier: Apache-2.0
// The schedule of backups: how it is set, and what it has made.
import { InvalidArgumentError, Option } from 'commander';
import { parseRecipient } from '../backup/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../common/index.ts';
import type { BackupSchedule, ScheduledBackupsReply } from '../control/index.ts';
import { BACKUPS_KEPT_MAX, SCHEDULE_MAX_MS, SCHEDULE_MIN_MS } from '../membership/index.ts';
import type { SealingOptions } from './backup-keys.ts';
import { usageError } from './command-error.ts';
import { durationBetween } from './duration.ts';
import { backupScheduleText } from './schedule-text.ts';
import type { Session } from './session.ts';
import { counted, humanAge, humanDuration, humanSize, renderFields, renderTable } from './text.ts';

const KEEP = 14;
const FIELD_WIDTH = 11;

/** When backups are made. */
export type ScheduleWish = Pick<BackupSchedule, 'every_ms' | 'offset_ms'> | 'off';

export interface ScheduleOptions {
  readonly schedule?: ScheduleWish;
  readonly keep?: number;
}

export function scheduleOption(): Option {
  return new Option(
    '--schedule <time>',
    'each manager writes a backup of its own at 03:00 (UTC), or every 24h; sealed to recipients alone, since nobody is there to type a passphrase; off: none does',
  )
    .argParser(parseSchedule)
    .conflicts(['passphraseFile', 'force']);
}

export function keepOption(): Option {
  return new Option(
    '--keep <number>',
    `with --schedule: how many each manager keeps (default: ${KEEP})`,
  ).argParser(parseKeep);
}

/** Has the managers make backups by themselves, or no longer. */
export async function setSchedule(
  session: Session,
  file: string | undefined,
  options: SealingOptions & Pick<ScheduleOptions, 'keep'> & { readonly format: string },
  wish: ScheduleWish,
): Promise<void> {
  const { format, keep = KEEP, recipient = [] } = options;
  if (file !== undefined) {
    throw usageError(
      'a schedule takes no FILE: each manager writes into a directory of its own',
      'It is the setting COFFER_BACKUP_DIRECTORY; by default, backups in the state directory.',
    );
  }
  if (wish === 'off' ? recipient.length > 0 : recipient.length === 0) {
    throw usageError(
      wish === 'off'
        ? 'off has no recipients'
        : 'a schedule needs a recipient: nobody is there to type a passphrase',
      `Make one: ${session.name} backup-key FILE; then name it with --recipient.`,
    );
  }
  recipient.forEach(parseRecipient);
  const schedule: BackupSchedule | null =
    wish === 'off' ? null : { ...wish, recipients: recipient.map((text) => text.trim()), keep };
  const schedules = await (await session.cluster()).setBackupSchedule(schedule);
  if (format === 'json') {
    session.printJson(schedules);
  } else if (schedules.backup === undefined) {
    session.print('No manager makes backups by itself. Those that are there stay.');
  } else {
    const { backup } = schedules;
    session.print(
      `Each manager writes a backup ${backupScheduleText(backup)}, sealed to ${counted(backup.recipients.length, 'recipient')}, and keeps ${backup.keep}.`,
    );
    session.print(`The first is written now. See how it ends: ${session.name} backup-ls`);
  }
}

/** What the schedule of a manager has made, for people. */
export function describeScheduled(reply: ScheduledBackupsReply, now_ms: number): string {
  const { directory, files, nextAt_ms, running, schedule } = reply;
  const next =
    nextAt_ms === undefined || nextAt_ms <= now_ms
      ? 'now'
      : `in ${humanDuration(nextAt_ms - now_ms).toLowerCase()}`;
  const fields = renderFields(
    [
      [
        'Schedule:',
        schedule === undefined ? 'none' : `${backupScheduleText(schedule)}, ${schedule.keep} kept`,
      ],
      ['Directory:', directory],
      ...(schedule === undefined ? [] : [['Last:', lastText(reply, now_ms)] as const]),
      ...(schedule === undefined ? [] : [['Next:', running ? 'one is being written' : next] as const]),
    ],
    FIELD_WIDTH,
  );
  const rows = files.map(({ createdAt_ms, name, size }) => [
    name,
    humanAge(createdAt_ms, now_ms),
    humanSize(size),
  ]);
  return rows.length === 0 ? fields : `${fields}\n${renderTable(['NAME', 'CREATED', 'SIZE'], rows)}`;
}

function lastText({ failure, files }: ScheduledBackupsReply, now_ms: number): string {
  if (failure !== undefined) {
    return `not written ${humanAge(failure.failedAt_ms, now_ms).toLowerCase()}, and tried again by itself`;
  }
  const last = files.at(-1);
  return last === undefined ? 'none yet' : `written ${humanAge(last.createdAt_ms, now_ms).toLowerCase()}`;
}

function parseSchedule(text: string): ScheduleWish {
  if (text === 'off') {
    return 'off';
  }
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours !== undefined && minutes !== undefined) {
    return { every_ms: DAY_MS, offset_ms: Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS };
  }
  try {
    return { every_ms: durationBetween(SCHEDULE_MIN_MS, SCHEDULE_MAX_MS)(text) };
  } catch {
    throw new InvalidArgumentError(
      'It is a time of the day (UTC) such as 03:00, a duration such as 24h, or off.',
    );
  }
}

function parseKeep(text: string): number {
  const keep = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (keep < 1 || keep > BACKUPS_KEPT_MAX) {
    throw new InvalidArgumentError(`It is a number from 1 to ${BACKUPS_KEPT_MAX}.`);
  }
  return keep;
}
