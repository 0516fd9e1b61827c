// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { whyText } from '../why-text.ts';
import { addExamples, formatOption } from './options.ts';

const COLOUR_OF = { ok: 'green', warning: 'yellow', failure: 'red' } as const;

export function addWhy(program: Command, session: Session): void {
  const command = program
    .command('why')
    .description(
      "Find out why a service's secrets, or a volume, were refused, and what mends it. Docker says only: not found.",
    )
    .usage('[OPTIONS] [SERVICE|TASK|NAME|CONTAINER|VOLUME]')
    .argument(
      '[name]',
      'a service, a task, a secret, or a container or a volume of this node, by name or by id; left out: all',
    )
    .addOption(formatOption('text'))
    .action((name: string | undefined, options: { readonly format: string }) =>
      why(session, name, options.format),
    );
  addExamples(command, session, [
    ['coffer why redis', 'the service, its tasks, and each of its secrets'],
    ['coffer why redis.1', 'one of its tasks'],
    ['coffer why db_password', 'everybody who has this secret'],
    ['coffer why', 'whatever is wrong anywhere'],
    ['coffer why --format json', 'the same as one JSON object'],
  ]);
}

async function why(session: Session, name: string | undefined, format: string): Promise<void> {
  const reply = await (await session.client()).why(name);
  if (format === 'json') {
    session.printJson(reply);
    return;
  }
  const lines = whyText(reply, {
    now_ms: session.io.now_ms(),
    coloured: (level, text) => session.coloured(COLOUR_OF[level], text),
  });
  session.print(lines.join('\n'));
}
