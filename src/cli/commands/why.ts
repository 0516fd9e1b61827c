// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { Refusal } from '../../control/index.ts';
import type { Session } from '../session.ts';
import { humanAge, printable } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

export function addWhy(program: Command, session: Session): void {
  const command = program
    .command('why')
    .description("Show why coffer refused a service's secrets, newest first. Docker says only: not found.")
    .usage('[OPTIONS] [SERVICE]')
    .argument('[service]', 'the name of the service; left out: of all services')
    .addOption(formatOption('text'))
    .action((service: string | undefined, options: { readonly format: string }) =>
      why(session, service, options.format),
    );
  addExamples(command, session, [
    ['coffer why redis', 'the last refusals of one service'],
    ['coffer why --format json', 'of all services, one JSON object on each line'],
  ]);
}

async function why(session: Session, service: string | undefined, format: string): Promise<void> {
  const client = await session.client();
  const refusals = await client.refusals(service);
  if (format === 'json') {
    for (const refusal of refusals) {
      session.printJson(refusal);
    }
    return;
  }
  if (refusals.length === 0) {
    session.print(`No refusal is remembered${service === undefined ? '' : ` for ${printable(service)}`}.`);
    session.complain(
      'only the swarm leader is asked for values, and only its daemon remembers what it refused',
      `See also: docker service ps --no-trunc ${service ?? 'SERVICE'}`,
    );
    return;
  }
  session.print(refusals.map((refusal) => describe(refusal, session.io.now_ms())).join('\n'));
}

function describe({ at_ms, service, task, secret, code, message, hint }: Refusal, now_ms: number): string {
  const lines = [
    `${humanAge(at_ms, now_ms)}: ${service}, secret ${secret}, task ${task}`,
    `  ${message} [${code}]`,
    ...(hint === undefined ? [] : [`  ${hint}`]),
  ];
  return lines.map(printable).join('\n');
}
