// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import { newHeader } from '../../backup/index.ts';
import type { BackupReply } from '../../control/index.ts';
import { BackupClient } from '../backup-client.ts';
import { checkTarget, writeWhole } from '../backup-file.ts';
import { passphraseOption, type SealingOptions, sealingKeys } from '../backup-keys.ts';
import { keepOption, type ScheduleOptions, scheduleOption, setSchedule } from '../backup-schedule.ts';
import { requestError, usageError } from '../command-error.ts';
import { ByteProgress } from '../progress-line.ts';
import type { Session } from '../session.ts';
import { counted, humanSize } from '../text.ts';
import { addExamples, collectText, formatOption, warnIfStale } from './options.ts';

interface BackupOptions extends SealingOptions, ScheduleOptions {
  readonly force?: boolean;
  readonly format: string;
}

export function addBackup(program: Command, session: Session): void {
  const command = program
    .command('backup')
    .description('Write all secrets, with all their versions, into one encrypted file.')
    .usage('[OPTIONS] FILE')
    .argument('[file]', 'where the backup is written; none with --schedule')
    .addOption(passphraseOption())
    .addOption(
      new Option(
        '--recipient <recipient>',
        'seal it to this recipient, from backup-key; repeatable; then no passphrase is asked for',
      ).argParser(collectText),
    )
    .addOption(scheduleOption())
    .addOption(keepOption())
    .option('-f, --force', 'put it in the place of a file that is there')
    .addOption(formatOption('text'))
    .action((file: string | undefined, options: BackupOptions) => run(session, file, options));
  addExamples(command, session, [
    ['coffer backup secrets.backup', 'with a passphrase, which is asked for'],
    ['coffer backup --recipient "$(cat recipient)" secrets.backup', 'unattended, with no secret at hand'],
    ['coffer restore --verify secrets.backup', 'whether it is whole'],
    [
      'coffer backup --schedule 03:00 --recipient "$(cat recipient)"',
      'each manager writes one of its own at that time (UTC), and keeps fourteen',
    ],
    ['coffer backup --schedule off', 'no more; those that are there stay'],
  ]);
}

async function run(session: Session, file: string | undefined, options: BackupOptions): Promise<void> {
  if (options.schedule !== undefined) {
    await setSchedule(session, file, options, options.schedule);
    return;
  }
  if (options.keep !== undefined) {
    throw usageError('--keep goes with --schedule');
  }
  if (file === undefined) {
    throw usageError("missing required argument 'file'", `See: ${session.name} backup --help`);
  }
  await backup(session, file, options);
}

async function backup(session: Session, file: string, options: BackupOptions): Promise<void> {
  await checkTarget(file, options.force === true);
  const { socketPath } = await session.client();
  const { passphrase, recipients } = await sealingKeys(session, options);
  const { bytes, payloadKey } = await newHeader({ passphrase, recipients }).finally(() =>
    passphrase?.fill(0),
  );
  const progress = new ByteProgress(session, 'written:');
  let reply: BackupReply | undefined;
  try {
    const size = await writeWhole(session, file, async (write) => {
      await write(bytes);
      reply = await new BackupClient(socketPath).backup(payloadKey, async (piece) => {
        await write(piece);
        progress.add(piece.length);
      });
    });
    progress.end();
    show(session, options, { file, size }, reply);
  } finally {
    payloadKey.fill(0);
  }
}

function show(
  session: Session,
  { format }: BackupOptions,
  { file, size }: { readonly file: string; readonly size: number },
  reply: BackupReply | undefined,
): void {
  if (reply === undefined) {
    throw requestError('the backup broke off before its end');
  }
  const { appliedIndex, freshness, secrets, values_bytes: values, versions } = reply;
  warnIfStale(session, freshness);
  if (format === 'json') {
    session.printJson({ file, size, secrets, versions, values, appliedIndex });
    return;
  }
  const content = `${counted(secrets, 'secret')}, ${counted(versions, 'version')} (${humanSize(values)})`;
  session.print(`${file}: ${content}, ${humanSize(size)}, as of entry ${appliedIndex}`);
}
