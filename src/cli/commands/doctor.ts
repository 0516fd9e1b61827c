// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Check } from '../../control/index.ts';
import { EXIT } from '../command-error.ts';
import { clientChecks } from '../doctor-checks.ts';
import type { Session } from '../session.ts';
import { printable } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

const COLOUR_OF = { ok: 'green', warning: 'yellow', failure: 'red' } as const;

export function addDoctor(program: Command, session: Session): void {
  const command = program
    .command('doctor')
    .description('Look for what is wrong with this set-up: one line for each check, with the mend.')
    .usage('[OPTIONS]')
    .addOption(formatOption('text'))
    .action((options: { readonly format: string }) => doctor(session, options.format));
  addExamples(command, session, [
    ['coffer doctor', 'ends with 2 if any check fails'],
    ['coffer doctor --format json', 'one JSON object on each line'],
  ]);
}

async function doctor(session: Session, format: string): Promise<void> {
  const checks = await clientChecks(session);
  for (const check of checks) {
    if (format === 'json') {
      session.printJson(check);
    } else {
      session.print(line(session, check));
    }
  }
  if (checks.some(({ level }) => level === 'failure')) {
    session.endWith(EXIT.failed);
  }
}

function line(session: Session, { name, level, message, mend }: Check): string {
  const mark = session.coloured(COLOUR_OF[level], level.padEnd(8));
  return `${mark} ${printable(`${name}: ${message}`)}${mend === undefined ? '' : printable(`. Mend: ${mend}`)}`;
}
