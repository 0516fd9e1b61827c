// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { formatIdentity, formatRecipient, newIdentity, recipientOf } from '../../backup/index.ts';
import { checkTarget, writeWhole } from '../backup-file.ts';
import { usageError } from '../command-error.ts';
import type { Session } from '../session.ts';
import { addExamples } from './options.ts';

export function addBackupKey(program: Command, session: Session): void {
  const command = program
    .command('backup-key')
    .description('Make an identity that opens backups, and print the recipient that seals them to it.')
    .usage('[FILE]')
    .argument('[file]', 'where the identity is written; left out, it goes into a pipe')
    .action((file: string | undefined) => makeKey(session, file));
  addExamples(command, session, [
    ['coffer backup-key backup.key > recipient', 'keep backup.key where the machines of the cluster are not'],
    ['coffer backup --recipient "$(cat recipient)" secrets.backup', 'needs the recipient alone'],
    ['coffer restore --identity backup.key secrets.backup', 'needs the identity'],
  ]);
}

async function makeKey(session: Session, file: string | undefined): Promise<void> {
  const { now_ms, stderr, stdout } = session.io;
  if (file === undefined && stdout.isTTY === true) {
    throw usageError('an identity is not shown on a terminal', 'Name a file for it.');
  }
  if (file !== undefined) {
    await checkTarget(file, false);
  }
  const identity = newIdentity();
  const recipient = formatRecipient(recipientOf(identity));
  const remarks = `# made: ${new Date(now_ms()).toISOString()}\n# recipient: ${recipient}\n`;
  const text = Buffer.from(`${remarks}${formatIdentity(identity)}\n`);
  identity.secretKey.fill(0);
  try {
    if (file === undefined) {
      stdout.write(text.toString());
      stderr.write(`${recipient}\n`);
      return;
    }
    await writeWhole(session, file, (write) => write(text));
    session.print(recipient);
  } finally {
    text.fill(0);
  }
}
