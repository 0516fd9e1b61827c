// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { ExactReader, openHeader, readHeader } from '../../backup/index.ts';
import { CofferError } from '../../common/index.ts';
import type { DrillReply, ScheduledBackupsReply } from '../../control/index.ts';
import { BackupClient } from '../backup-client.ts';
import { withBackup } from '../backup-file.ts';
import {
  identityOption,
  type OpeningOptions,
  openingOf,
  passphraseOption,
  wipeOpening,
} from '../backup-keys.ts';
import { EXIT, requestError } from '../command-error.ts';
import type { ControlClient } from '../control-client.ts';
import { backupScheduleText } from '../schedule-text.ts';
import { ByteProgress } from '../progress-line.ts';
import type { Session } from '../session.ts';
import { counted, humanAge, humanDuration, humanSize } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface DrillOptions extends OpeningOptions {
  readonly format: string;
}

/** What says of a backup that it does not open. */
const VERDICTS: ReadonlySet<string> = new Set(['backup.damaged', 'backup.format', 'backup.key']);
/** A manager may begin so much later than the time of the schedule, and take so long. */
const LATE_MS = 30 * 60_000;

export function addDrill(program: Command, session: Session): void {
  const command = program
    .command('drill')
    .description(
      'Find out whether a backup can be restored: restore it into a sandbox, read all of it again, and compare. Ends with 0 for yes, 1 for no.',
    )
    .usage('[OPTIONS] [FILE]')
    .argument('[file]', 'a backup; left out, the newest that this manager has made by schedule')
    .addOption(identityOption())
    .addOption(passphraseOption())
    .addOption(formatOption('text'))
    .action((file: string | undefined, options: DrillOptions) => drill(session, file, options));
  addExamples(command, session, [
    [
      'coffer drill --identity backup.key',
      'whether the last scheduled backup of this manager is worth anything',
    ],
    ['coffer drill --identity backup.key secrets.backup', 'the same for a file'],
  ]);
  command.addHelpText(
    'after',
    '\nThe sandbox is a cluster of one with keys of its own, in memory where there is room; it is overwritten and deleted\nafterwards. The store of this manager is not touched, and no value leaves the sandbox.',
  );
}

async function drill(session: Session, file: string | undefined, options: DrillOptions): Promise<void> {
  const client = await session.client();
  // An older daemon, or one that makes none, can still try a file.
  const scheduled = await client.scheduledBackups().catch((thrown: unknown) => {
    if (file === undefined) {
      throw thrown;
    }
    return undefined;
  });
  const name = file ?? newestOf(session, scheduled);
  const reply = await (file === undefined
    ? drillScheduled(session, client, name, options)
    : drillFile(session, client, file, options)
  ).catch(unopened);
  show(session, name, options, reply, scheduled);
}

/** A backup that does not even open cannot be restored: that is an answer, and no failure to find one. */
function unopened(thrown: unknown): DrillReply {
  if (thrown instanceof CofferError && VERDICTS.has(thrown.code)) {
    const nothing = { secrets: 0, versions: 0, values_bytes: 0, duration_ms: 0, inMemory: true };
    return { ...nothing, passed: false, problems: [thrown.detail] };
  }
  throw thrown;
}

function newestOf(session: Session, scheduled: ScheduledBackupsReply | undefined): string {
  const newest = scheduled?.files.at(-1);
  if (newest === undefined) {
    throw requestError(
      'the schedule has made no backup on this manager yet',
      `Name a FILE, or set a schedule: ${session.name} backup --schedule 24h --recipient RECIPIENT`,
    );
  }
  return newest.name;
}

/** The manager reads its own file; what it is sent is the key of its payload alone. */
async function drillScheduled(
  session: Session,
  client: ControlClient,
  name: string,
  options: DrillOptions,
): Promise<DrillReply> {
  const bytes = Buffer.from((await client.backupHeader(name)).header, 'base64');
  const header = await readHeader(new ExactReader(Readable.from([bytes])));
  const opening = await openingOf(session, header, options);
  const payloadKey = await openHeader(header, opening).finally(() => wipeOpening(opening));
  try {
    return await new BackupClient(client.socketPath).drill(payloadKey, { file: name });
  } finally {
    payloadKey.fill(0);
  }
}

function drillFile(
  session: Session,
  client: ControlClient,
  file: string,
  options: DrillOptions,
): Promise<DrillReply> {
  return withBackup(session, file, options, async ({ payload, payloadKey, size_bytes }) => {
    const progress = new ByteProgress(session, 'restored into a sandbox:');
    try {
      return await new BackupClient(client.socketPath).drill(payloadKey, {
        size_bytes,
        payload: payload((read_bytes) => progress.add(read_bytes)),
      });
    } finally {
      progress.end();
    }
  });
}

function show(
  session: Session,
  file: string,
  { format }: DrillOptions,
  reply: DrillReply,
  scheduled: ScheduledBackupsReply | undefined,
): void {
  const now_ms = session.io.now_ms();
  const { createdAt_ms, passed } = reply;
  const schedule = scheduled?.schedule;
  const tooOld =
    schedule !== undefined &&
    createdAt_ms !== undefined &&
    now_ms - createdAt_ms > schedule.every_ms + Math.min(schedule.every_ms, LATE_MS);
  if (format === 'json') {
    const { values_bytes: values, ...others } = reply;
    session.printJson({ file, ...others, values, olderThanSchedule: tooOld });
  } else {
    session.print(passed ? yes(session, file, reply, now_ms) : no(session, file, reply));
  }
  if (tooOld) {
    session.warn(
      `the file is older than the schedule would have it, which is ${backupScheduleText(schedule)}`,
    );
  }
  if (!passed) {
    session.endWith(EXIT.usage);
  }
}

function yes(session: Session, file: string, reply: DrillReply, now_ms: number): string {
  const { createdAt_ms, duration_ms, inMemory, secrets, values_bytes, versions } = reply;
  const content = `${counted(secrets, 'secret')}, ${counted(versions, 'version')} (${humanSize(values_bytes)})`;
  const age =
    createdAt_ms === undefined ? '' : `; it was made ${humanAge(createdAt_ms, now_ms).toLowerCase()}`;
  const took = humanDuration(duration_ms).toLowerCase();
  return (
    `${session.coloured('green', 'yes')}: ${file} can be restored${age}\n` +
    `${content} were restored into a sandbox ${inMemory ? 'in memory' : 'on a disk'}, read again, and are as in the file; it took ${took}`
  );
}

function no(session: Session, file: string, { problems }: DrillReply): string {
  const [first = 'it is not known why', ...others] = problems;
  return [`${session.coloured('red', 'no')}: ${file} cannot be restored: ${first}`, ...others].join('\n');
}
