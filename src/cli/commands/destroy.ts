// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { confirm } from '../confirm.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption, versionNumber } from './options.ts';
import { purgeAll } from './rm.ts';

interface DestroyOptions {
  readonly force?: boolean;
  readonly purge?: boolean;
  readonly detach?: boolean;
  readonly format: string;
}

export function addDestroy(program: Command, session: Session): void {
  const command = program
    .command('destroy')
    .description('Destroy the values of versions for good. Their numbers stay in the history.')
    .usage('[OPTIONS] NAME VERSION...')
    .argument('<name>', 'a name or a whole id')
    .argument('<version...>', 'numbers of versions, of which none is the current one', collectVersion)
    .option('-f, --force', 'do not ask')
    .option('--purge', 'then have every manager let go of its old log, as rm --purge does')
    .option('-d, --detach', 'with --purge: begin it, and do not wait for its end')
    .addOption(formatOption('text'))
    .action((name: string, versions: readonly number[], options: DestroyOptions) =>
      destroy(session, name, versions, options),
    );
  addExamples(command, session, [
    ['coffer destroy db_password 2', 'one version'],
    ['coffer destroy --force db_password 1 2 3', 'several, without being asked'],
    ['coffer destroy --purge api_token 7', 'and every trace of it in the files of coffer'],
  ]);
}

async function destroy(
  session: Session,
  name: string,
  versions: readonly number[],
  { detach = false, force = false, format, purge = false }: DestroyOptions,
): Promise<void> {
  if (detach && !purge) {
    throw usageError('--detach goes with --purge');
  }
  const client = await session.client();
  if (!force) {
    const which = versions.length === 1 ? 'The value of version' : 'The values of versions';
    await confirm(session, `${which} ${versions.join(', ')} of ${name} will be gone for good.`);
  }
  const { secret } = await client.destroy(name, versions);
  if (format === 'json') {
    session.printJson({ name: secret.name, destroyed: versions });
  } else {
    versions.forEach((version) => session.print(`${secret.name}: version ${version} is destroyed`));
  }
  if (purge) {
    await purgeAll(session, { detach, json: format === 'json' });
  }
}

function collectVersion(text: string, before: readonly number[] | undefined): readonly number[] {
  return [...new Set([...(before ?? []), versionNumber(text)])];
}
