// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { BackedUpSecret } from '../../backup/index.ts';
import { withBackup } from '../backup-file.ts';
import { describeScheduled } from '../backup-schedule.ts';
import { EXIT, usageError } from '../command-error.ts';
import { identityOption, type OpeningOptions, passphraseOption } from '../backup-keys.ts';
import type { Session } from '../session.ts';
import { humanAge, humanSize, renderTable } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface BackupLsOptions extends OpeningOptions {
  readonly format: string;
}

export function addBackupLs(program: Command, session: Session): void {
  const command = program
    .command('backup-ls')
    .description(
      'List the secrets in a backup, never their values; needs no daemon. Or list the backups that this manager has made by schedule.',
    )
    .usage('[OPTIONS] [FILE]')
    .argument('[file]', 'a backup; left out, the scheduled ones of this manager')
    .addOption(passphraseOption())
    .addOption(identityOption())
    .addOption(formatOption('table'))
    .action((file: string | undefined, options: BackupLsOptions) =>
      file === undefined ? listScheduled(session, options) : list(session, file, options),
    );
  addExamples(command, session, [
    ['coffer backup-ls', 'what the schedule has made on this manager, and how the last one ended'],
    ['coffer backup-ls secrets.backup', 'names, versions, sizes and times'],
    ['coffer backup-ls --format json secrets.backup', 'one JSON object on each line'],
  ]);
}

async function listScheduled(session: Session, options: BackupLsOptions): Promise<void> {
  if (options.identity !== undefined || options.passphraseFile !== undefined) {
    throw usageError('what opens a backup goes with a FILE');
  }
  const reply = await (await session.client()).scheduledBackups();
  if (options.format === 'json') {
    session.printJson(reply);
  } else {
    session.print(describeScheduled(reply, session.io.now_ms()));
  }
  if (reply.failure !== undefined) {
    session.complain(`the last backup was not written: ${reply.failure.message}`, reply.failure.hint);
    session.endWith(EXIT.failed);
  }
}

async function list(session: Session, file: string, options: BackupLsOptions): Promise<void> {
  const secrets: BackedUpSecret[] = [];
  await withBackup(session, file, options, async (backup) => {
    // To its end, so that nothing is shown of a backup that is not whole.
    for await (const record of backup.records()) {
      if (record.kind === 'secret') {
        secrets.push(record.secret);
      }
    }
  });
  const { compare } = new Intl.Collator('en', { numeric: true });
  secrets.sort((a, b) => compare(a.name, b.name));
  if (options.format === 'json') {
    for (const secret of secrets) {
      session.printJson(secret);
    }
    return;
  }
  session.print(table(secrets, session.io.now_ms()));
}

function table(secrets: readonly BackedUpSecret[], now_ms: number): string {
  return renderTable(
    ['NAME', 'VERSION', 'KEPT', 'SIZE', 'ORIGIN', 'CREATED', 'UPDATED'],
    secrets.map(({ createdAt_ms, name, origin, updatedAt_ms, versions }) => {
      const current = versions.at(-1);
      return [
        name,
        String(current?.number ?? 0),
        String(versions.length),
        humanSize(current?.size ?? 0),
        origin,
        humanAge(createdAt_ms, now_ms),
        humanAge(updatedAt_ms, now_ms),
      ];
    }),
  );
}
