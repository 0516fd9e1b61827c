// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import type { GrantDescription } from '../../control/index.ts';
import type { Session } from '../session.ts';
import { humanAge, renderTable } from '../text.ts';
import { addExamples, formatOption, warnIfStale } from './options.ts';

interface GrantLsOptions {
  readonly node?: string;
  readonly quiet?: boolean;
  readonly format: string;
}

/** What a grant says that does not narrow this down. */
const ANY = '*';

export function addGrantLs(program: Command, session: Session): void {
  const command = program
    .command('grant-ls')
    .description('List which secrets the containers of which nodes may have. * is any.')
    .usage('[OPTIONS] [NAME]')
    .argument('[name]', 'only those of this secret')
    .option('--node <node>', 'only those for this node: an id, what only one id begins with, or a hostname')
    .option('-q, --quiet', 'ids alone')
    .addOption(formatOption('table'))
    .action((name: string | undefined, options: GrantLsOptions) => listGrants(session, name, options));
  addExamples(command, session, [
    ['coffer grant-ls', 'all grants'],
    ['coffer grant-ls db_password --node web-1', 'those of one secret on one node'],
    ['coffer grant-ls --format json', 'one JSON object on each line'],
  ]);
}

async function listGrants(
  session: Session,
  secret: string | undefined,
  { format, node, quiet }: GrantLsOptions,
): Promise<void> {
  const cluster = await session.cluster();
  const { grants, freshness } = await cluster.grants({ secret, node });
  warnIfStale(session, freshness);
  const { compare } = new Intl.Collator('en', { numeric: true });
  const listed = grants.toSorted(
    (a, b) => compare(a.secret, b.secret) || compare(a.node.hostname, b.node.hostname),
  );
  if (quiet === true) {
    listed.forEach(({ id }) => session.print(id));
  } else if (format === 'json') {
    listed.forEach((grant) => session.printJson(grant));
  } else {
    session.print(table(listed, session.io.now_ms()));
  }
}

function table(grants: readonly GrantDescription[], now_ms: number): string {
  return renderTable(
    ['ID', 'SECRET', 'NODE', 'CONTAINER', 'LABELS', 'IMAGE', 'GRANTED'],
    grants.map(({ container, grantedAt_ms, id, image, labels, node, secret, secretExists }) => [
      id,
      secretExists ? secret : `${secret} (no such secret)`,
      node.hostname,
      container === '' ? ANY : container,
      labelsText(labels),
      image === '' ? ANY : image,
      humanAge(grantedAt_ms, now_ms),
    ]),
  );
}

function labelsText(labels: GrantDescription['labels']): string {
  const texts = Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => (value === '' ? key : `${key}=${value}`));
  return texts.length === 0 ? ANY : texts.join(',');
}
