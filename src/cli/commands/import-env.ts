// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { readEnvFile } from '../env-file.ts';
import { type FoundValue, importValues } from '../import-values.ts';
import { readListFile } from '../read-value.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

interface ImportEnvOptions {
  readonly prefix?: string;
  readonly dryRun?: boolean;
  readonly format: string;
}

export function addImportEnv(group: Command, session: Session): void {
  const command = group
    .command('env')
    .description('Store each variable of a .env file under its name. What coffer has under a name is kept.')
    .usage('[OPTIONS] FILE|-')
    .argument('<file>', 'KEY=VALUE in lines, as Compose reads them; - is standard input')
    .option('--prefix <text>', 'put this before each name')
    .option('--dry-run', 'show names and sizes; nothing is stored')
    .addOption(formatOption('table'))
    .action((file: string, options: ImportEnvOptions) => importEnv(session, file, options));
  addExamples(command, session, [
    ['coffer import env .env --dry-run', 'what there is'],
    ['coffer import env .env --prefix shop_', 'DB_PASSWORD becomes the secret shop_DB_PASSWORD'],
  ]);
}

async function importEnv(session: Session, file: string, options: ImportEnvOptions): Promise<void> {
  const { dryRun = false, format, prefix = '' } = options;
  const bytes = await readListFile(session, file);
  const found: FoundValue[] = [];
  try {
    for (const { key, line, value } of readEnvFile(bytes)) {
      found.push({ name: `${prefix}${key}`, source: `line ${line}`, value });
    }
  } finally {
    bytes.fill(0);
  }
  if (found.length === 0) {
    throw usageError('the file has no variable');
  }
  await importValues(session, found, { dryRun, format });
}
