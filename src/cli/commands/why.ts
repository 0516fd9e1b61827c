// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { unreachable } from '../../common/index.ts';
import type { Refusal } from '../../control/index.ts';
import type { Session } from '../session.ts';
import { humanAge, printable } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

export function addWhy(program: Command, session: Session): void {
  const command = program
    .command('why')
    .description(
      "Show why coffer refused a service's secrets, or a volume, newest first. Docker says only: not found.",
    )
    .usage('[OPTIONS] [SERVICE|CONTAINER|VOLUME]')
    .argument('[name]', 'the name of the service, the container or the volume; left out: of all')
    .addOption(formatOption('text'))
    .action((name: string | undefined, options: { readonly format: string }) =>
      why(session, name, options.format),
    );
  addExamples(command, session, [
    ['coffer why redis', 'the last refusals of one service'],
    ['coffer why --format json', 'of all services and volumes, one JSON object on each line'],
  ]);
}

async function why(session: Session, name: string | undefined, format: string): Promise<void> {
  const client = await session.client();
  const refusals = await client.refusals(name);
  if (format === 'json') {
    for (const refusal of refusals) {
      session.printJson(refusal);
    }
    return;
  }
  if (refusals.length === 0) {
    session.print(`No refusal is remembered${name === undefined ? '' : ` for ${printable(name)}`}.`);
    session.complain(
      'each daemon remembers what it refused itself: the values of secrets are asked for at the swarm leader, ' +
        "and volumes at each container's own node",
      `See also: docker service ps --no-trunc ${name ?? 'SERVICE'}`,
    );
    return;
  }
  session.print(refusals.map((refusal) => describe(refusal, session.io.now_ms())).join('\n'));
}

function describe(refusal: Refusal, now_ms: number): string {
  const { at_ms, code, hint, message } = refusal;
  const lines = [
    `${humanAge(at_ms, now_ms)}: ${subjectOf(refusal)}`,
    `  ${message} [${code}]`,
    ...(hint === undefined ? [] : [`  ${hint}`]),
  ];
  return lines.map(printable).join('\n');
}

function subjectOf(refusal: Refusal): string {
  switch (refusal.kind) {
    case 'secret':
      return `${refusal.service}, secret ${refusal.secret}, task ${refusal.task}`;
    case 'volume':
      return refusal.users.length === 0
        ? `volume ${refusal.volume}`
        : `volume ${refusal.volume}, mounted by ${refusal.users.join(', ')}`;
    default:
      return unreachable(refusal);
  }
}
