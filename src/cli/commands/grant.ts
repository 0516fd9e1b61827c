// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Labels } from '../../secrets/index.ts';
import { usageError } from '../command-error.ts';
import type { Session } from '../session.ts';
import { addExamples, collectLabel, formatOption } from './options.ts';

interface GrantOptions {
  readonly node?: string;
  readonly container?: string;
  readonly label?: Labels;
  readonly image?: string;
  readonly format: string;
}

export function addGrant(program: Command, session: Session): void {
  const command = program
    .command('grant')
    .description(
      'Let containers of one node have a secret, which volumes of coffer hand them. Prints the id of the grant.',
    )
    .usage('[OPTIONS] NAME --node NODE')
    .argument('<name>', 'the name of the secret; there need be none of it yet')
    .option('--node <node>', 'the node: an id, what only one id begins with, or a hostname')
    .addOption(
      new Option(
        '--container <glob>',
        'only containers of such a name: * is any characters, ? is one',
      ).argParser(named),
    )
    .addOption(
      new Option(
        '--label <label>',
        'only containers with this label: KEY, whatever its value, or KEY=VALUE; repeatable: all of them',
      ).argParser(collectNamedLabel),
    )
    .addOption(
      new Option(
        '--image <image>',
        'only containers of this image, as docker run names it, or by its whole id',
      ).argParser(named),
    )
    .addOption(formatOption('text'))
    .action((name: string, options: GrantOptions) => grant(session, name, options));
  addExamples(command, session, [
    ['coffer grant db_password --node web-1', 'any container on that node'],
    [
      'coffer grant db_password --node web-1 --label com.docker.compose.project=shop',
      'the containers of one Compose project',
    ],
    [
      'coffer grant api_key --node web-1 --container "worker-*" --image worker:2',
      'some containers of one image',
    ],
  ]);
  command.addHelpText(
    'after',
    '\nTasks of swarm services need no grant: the volume that their service mounts is enough.\nA grant is as good as its node: whoever is root there can start a container with any name, label or image.',
  );
}

async function grant(session: Session, secret: string, options: GrantOptions): Promise<void> {
  const { container, format, image, label: labels, node } = options;
  if (node === undefined || node === '') {
    throw usageError(
      'a grant is for one node',
      `Name it with --node NODE. See the nodes: ${session.name} node ls`,
    );
  }
  const cluster = await session.cluster();
  const reply = await cluster.grant({ secret, node, container, labels, image });
  if (format === 'json') {
    session.printJson(reply.grant);
  } else {
    session.print(reply.grant.id);
  }
  if (!reply.grant.secretExists) {
    session.warn(`there is no secret ${secret} yet; store it with: ${session.name} put ${secret} -`);
  }
}

/** A shell variable that is not set must not make a grant wider. */
function named(text: string): string {
  if (text === '') {
    throw new InvalidArgumentError('It is empty; leave the option out where any will do.');
  }
  return text;
}

/** Likewise. */
function collectNamedLabel(text: string, before: Labels | undefined): Labels {
  if (text.indexOf('=') === text.length - 1) {
    throw new InvalidArgumentError('It is KEY=VALUE, or KEY alone for any value.');
  }
  return collectLabel(text, before);
}
