// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import { nameKey } from '../../secrets/index.ts';
import { checkTarget, type OpenBackup, withBackup, writeWhole } from '../backup-file.ts';
import { identityOption, type OpeningOptions, passphraseOption } from '../backup-keys.ts';
import { requestError, usageError } from '../command-error.ts';
import type { Session } from '../session.ts';
import { addExamples } from './options.ts';

interface BackupGetOptions extends OpeningOptions {
  readonly secretVersion?: number;
  readonly output?: string;
  readonly reveal?: boolean;
}

export function addBackupGet(program: Command, session: Session): void {
  const command = program
    .command('backup-get')
    .description('Take one value out of a backup, byte for byte. Needs no daemon.')
    .usage('[OPTIONS] FILE NAME')
    .argument('<file>', 'a backup')
    .argument('<name>', 'the name of a secret in it')
    .addOption(
      new Option('--secret-version <number>', 'another version than the current one').argParser(
        versionNumber,
      ),
    )
    .addOption(
      new Option('-o, --output <path>', 'write it into a new file, for its owner alone').conflicts('reveal'),
    )
    .option('--reveal', 'show it, although standard output is a terminal')
    .addOption(passphraseOption())
    .addOption(identityOption())
    .action((file: string, name: string, options: BackupGetOptions) => get(session, file, name, options));
  addExamples(command, session, [
    ['coffer backup-get secrets.backup db_password -o password', 'into a file'],
    ['coffer backup-get secrets.backup db_password --secret-version 3 | pbcopy', 'into a pipe'],
  ]);
}

async function get(session: Session, file: string, name: string, options: BackupGetOptions): Promise<void> {
  const { output, reveal } = options;
  const { stdout } = session.io;
  if (output === undefined && stdout.isTTY === true && reveal !== true) {
    throw usageError(
      'a value is not shown on a terminal',
      'Write it into a file with --output PATH, into a pipe, or say --reveal.',
    );
  }
  if (output !== undefined) {
    await checkTarget(output, false);
  }
  const value = await withBackup(session, file, options, (backup) =>
    find(backup, name, options.secretVersion),
  );
  try {
    if (output !== undefined) {
      await writeWhole(session, output, (write) => write(value));
      return;
    }
    await new Promise<void>((resolve, reject) => {
      stdout.write(value, (error) => (error instanceof Error ? reject(error) : resolve()));
    });
  } finally {
    value.fill(0);
  }
}

/** The value, from a backup that was read to its end. The caller wipes it. */
async function find(backup: OpenBackup, name: string, version: number | undefined): Promise<Buffer> {
  let found: Buffer | undefined;
  let kept: readonly number[] | undefined;
  for await (const record of backup.records()) {
    if (record.kind === 'secret' && nameKey(record.secret.name) === nameKey(name)) {
      kept = record.secret.versions.map(({ number }) => number);
    } else if (record.kind === 'value' && nameKey(record.secret.name) === nameKey(name)) {
      const current = record.secret.versions.at(-1)?.number;
      if (record.number === (version ?? current)) {
        found = Buffer.alloc(record.bytes.length);
        found.set(record.bytes);
      }
    }
  }
  if (found !== undefined) {
    return found;
  }
  throw kept === undefined
    ? requestError(`there is no secret ${name} in the backup`, 'List them with: coffer backup-ls FILE')
    : requestError(`version ${version ?? 0} of ${name} is not in the backup`, `It has: ${kept.join(', ')}`);
}

function versionNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw new InvalidArgumentError('It is a version number.');
  }
  return Number(text);
}
