// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { BackupOrigin, BackupSummary } from '../../backup/index.ts';
import type { RestoreReply } from '../../control/index.ts';
import { BackupClient } from '../backup-client.ts';
import { type OpenBackup, withBackup } from '../backup-file.ts';
import { identityOption, type OpeningOptions, passphraseOption } from '../backup-keys.ts';
import { requestError, usageError } from '../command-error.ts';
import { ByteProgress } from '../progress-line.ts';
import type { Session } from '../session.ts';
import { counted, humanSize } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface RestoreOptions extends OpeningOptions {
  readonly verify?: boolean;
  readonly existing?: 'skip' | 'replace';
  readonly format: string;
}

interface Verified {
  readonly origin: BackupOrigin;
  readonly summary: BackupSummary;
}

export function addRestore(program: Command, session: Session): void {
  const command = program
    .command('restore')
    .description('Put the secrets of a backup back, as they were.')
    .usage('[OPTIONS] FILE')
    .argument('<file>', 'a backup')
    .option('--verify', 'only read it to its end and say whether it is whole; needs no daemon')
    .addOption(
      new Option(
        '--existing <what>',
        'leave secrets that are there as they are, or put those of the backup in their place; refused otherwise',
      ).choices(['skip', 'replace']),
    )
    .addOption(passphraseOption())
    .addOption(identityOption())
    .addOption(formatOption('text'))
    .action((file: string, options: RestoreOptions) => restore(session, file, options));
  addExamples(command, session, [
    ['coffer restore --verify secrets.backup', 'a dry run: whether it opens, and is whole'],
    ['coffer restore secrets.backup', 'into a new cluster'],
    ['coffer restore --existing skip --identity key secrets.backup', 'only what is missing'],
  ]);
}

async function restore(session: Session, file: string, options: RestoreOptions): Promise<void> {
  if (options.verify === true) {
    if (options.existing !== undefined) {
      throw usageError('--verify changes nothing; --existing is for a restore');
    }
    await withBackup(session, file, options, async (backup) => {
      showVerified(session, file, options, await verified(session, backup), backup.size_bytes);
    });
    return;
  }
  const { socketPath } = await session.client();
  await withBackup(session, file, options, async (backup) => {
    // All of it is read before the first change is asked for: here to its end, and there against what is there.
    await verified(session, backup);
    const client = new BackupClient(socketPath);
    const existing = options.existing ?? 'refuse';
    await sent(session, client, backup, { existing, check: true });
    show(session, file, options, await sent(session, client, backup, { existing, check: false }));
  });
}

async function verified(session: Session, backup: OpenBackup): Promise<Verified> {
  const progress = new ByteProgress(session, 'verified:');
  let origin: BackupOrigin | undefined;
  try {
    for await (const record of backup.records((size_bytes) => progress.add(size_bytes))) {
      if (record.kind === 'begin') {
        ({ origin } = record);
      } else if (record.kind === 'end' && origin !== undefined) {
        return { origin, summary: record.summary };
      }
    }
  } finally {
    progress.end();
  }
  throw requestError('the backup has no end');
}

async function sent(
  session: Session,
  client: BackupClient,
  { payload, payloadKey }: OpenBackup,
  wish: { readonly existing: 'refuse' | 'skip' | 'replace'; readonly check: boolean },
): Promise<RestoreReply> {
  const progress = new ByteProgress(session, wish.check ? 'compared:' : 'restored:');
  try {
    return await client.restore(
      payloadKey,
      payload((size_bytes) => progress.add(size_bytes)),
      wish,
    );
  } finally {
    progress.end();
  }
}

function showVerified(
  session: Session,
  file: string,
  { format }: RestoreOptions,
  { origin, summary }: Verified,
  size: number,
): void {
  const { secrets, values_bytes: values, versions } = summary;
  if (format === 'json') {
    session.printJson({ file, size, ...origin, secrets, versions, values });
    return;
  }
  const content = `${counted(secrets, 'secret')}, ${counted(versions, 'version')} (${humanSize(values)})`;
  const made = new Date(origin.createdAt_ms).toISOString();
  session.print(
    `${file}: whole; ${content}, as of entry ${origin.appliedIndex} of cluster ${origin.clusterId}, ${made}`,
  );
}

function show(session: Session, file: string, { format }: RestoreOptions, reply: RestoreReply): void {
  if (format === 'json') {
    session.printJson(reply);
    return;
  }
  const { replaced, restored, skipped, versions } = reply;
  const more = [
    ...(replaced > 0 ? [`${replaced} replaced`] : []),
    ...(skipped > 0 ? [`${skipped} left as they are`] : []),
  ];
  session.print(
    `${file}: ${counted(restored, 'secret')} restored${more.map((text) => `, ${text}`).join('')}; ${counted(versions, 'version')}`,
  );
}
