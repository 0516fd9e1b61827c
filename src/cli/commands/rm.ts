// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

interface RmOptions {
  readonly force?: boolean;
  readonly format: string;
}

export function addRm(program: Command, session: Session): void {
  const command = program
    .command('rm')
    .alias('remove')
    .description('Remove secrets with all their versions. One that is in use is kept.')
    .usage('[OPTIONS] NAME...')
    .argument('<name...>', 'names or whole ids')
    .option('-f, --force', 'also if services or secrets of the engine use it, or the engine cannot be asked')
    .addOption(formatOption('text'))
    .action((names: string[], options: RmOptions) => rm(session, names, options));
  addExamples(command, session, [
    ['coffer rm old_password', 'one secret'],
    ['coffer rm $(coffer ls -q --filter label=env=test)', 'all that have a label'],
  ]);
}

async function rm(session: Session, names: readonly string[], options: RmOptions): Promise<void> {
  const client = await session.client();
  for (const name of names) {
    try {
      const { secret } = await client.remove(name, options.force === true);
      if (options.format === 'json') {
        session.printJson({ name: secret.name, id: secret.id });
      } else {
        session.print(secret.name);
      }
    } catch (thrown) {
      session.fail(thrown);
    }
  }
}
