// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { Session } from '../session.ts';
import { addExamples, formatOption, versionNumber } from './options.ts';

interface RollbackOptions {
  readonly cas?: number;
  readonly format: string;
}

export function addRollback(program: Command, session: Session): void {
  const command = program
    .command('rollback')
    .description('Make a new version with the value of an older one. The value is not shown to anybody.')
    .usage('[OPTIONS] NAME [VERSION]')
    .argument('<name>', 'a name or a whole id')
    .argument('[version]', 'whose value; left out, that of the version before the current one', versionNumber)
    .addOption(new Option('--cas <version>', 'only if this is the current version').argParser(versionNumber))
    .addOption(formatOption('text'))
    .action((name: string, version: number | undefined, options: RollbackOptions) =>
      rollback(session, name, version, options),
    );
  addExamples(command, session, [
    ['coffer rollback db_password', 'take the last put back'],
    ['coffer rollback db_password 3', 'to version 3'],
    ['coffer rollback db_password 3 --cas 5', 'only if nobody changed version 5 meanwhile'],
  ]);
}

async function rollback(
  session: Session,
  name: string,
  version: number | undefined,
  { cas, format }: RollbackOptions,
): Promise<void> {
  const client = await session.client();
  const { from, secret } = await client.rollback(name, { version, expect: cas });
  if (format === 'json') {
    session.printJson({ name: secret.name, version: secret.version, from, size: secret.size });
  } else {
    session.print(`${secret.name}: version ${secret.version} is version ${from} again`);
  }
}
