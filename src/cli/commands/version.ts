// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { VERSION } from '../io.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

export function addVersion(program: Command, session: Session): void {
  const command = program
    .command('version')
    .description("Print this program's version. The daemon's is in status.")
    .usage('[OPTIONS]')
    .addOption(formatOption('text'))
    .action(({ format }: { readonly format: string }) => {
      if (format === 'json') {
        session.printJson({ version: VERSION });
      } else {
        session.print(`coffer ${VERSION}`);
      }
    });
  addExamples(command, session, [['coffer version', 'as text']]);
}
