// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { Option } from 'commander';
import type { SecretDescription } from '../../control/index.ts';
import { usageError } from '../command-error.ts';
import { expiryText, nextRotationText } from '../../wording/index.ts';
import type { Session } from '../session.ts';
import { humanAge, humanSize, renderTable } from '../text.ts';
import { addExamples, collectText, formatOption, warnIfStale } from './options.ts';

interface LsOptions {
  readonly quiet?: boolean;
  readonly filter?: readonly string[];
  readonly format: string;
}

type Filter = (secret: SecretDescription) => boolean;

export function addLs(program: Command, session: Session): void {
  const command = program
    .command('ls')
    .alias('list')
    .description('List the secrets, never their values.')
    .usage('[OPTIONS]')
    .option('-q, --quiet', 'names alone')
    .addOption(
      new Option(
        '-f, --filter <filter>',
        'name=PREFIX, label=KEY or label=KEY=VALUE; repeatable: any of the names, all of the labels',
      ).argParser(collectText),
    )
    .addOption(formatOption('table'))
    .action((options: LsOptions) => ls(session, options));
  addExamples(command, session, [
    ['coffer ls', 'all secrets'],
    [
      'coffer ls --filter name=db_ --filter label=env=prod',
      'those whose name begins with db_, of production',
    ],
    ['coffer ls --format json', 'one JSON object on each line'],
  ]);
}

async function ls(session: Session, options: LsOptions): Promise<void> {
  const wanted = filterOf(options.filter ?? []);
  const client = await session.client();
  const { secrets, freshness } = await client.secrets();
  warnIfStale(session, freshness);
  const { compare } = new Intl.Collator('en', { numeric: true });
  const listed = secrets.filter(wanted).sort((a, b) => compare(a.name, b.name));
  if (options.quiet === true) {
    printLines(
      session,
      listed.map(({ name }) => name),
    );
  } else if (options.format === 'json') {
    for (const secret of listed) {
      session.printJson(secret);
    }
  } else {
    session.print(table(listed, session.io.now_ms()));
  }
}

function table(secrets: readonly SecretDescription[], now_ms: number): string {
  const isAnyScheduled = secrets.some(({ nextRotationAt_ms }) => nextRotationAt_ms !== undefined);
  const isAnyDated = secrets.some(({ expiresAt_ms }) => expiresAt_ms !== undefined);
  const scheduleOf = ({ nextRotationAt_ms: next_ms }: SecretDescription): readonly string[] =>
    isAnyScheduled ? [next_ms === undefined ? '' : nextRotationText(next_ms, now_ms)] : [];
  const expiryOf = ({ expiresAt_ms: at_ms }: SecretDescription): readonly string[] =>
    isAnyDated ? [at_ms === undefined ? '' : expiryText(at_ms, now_ms)] : [];
  return renderTable(
    [
      'NAME',
      'VERSION',
      'SIZE',
      'ORIGIN',
      'CREATED',
      'UPDATED',
      ...(isAnyScheduled ? ['NEXT ROTATION'] : []),
      ...(isAnyDated ? ['EXPIRES'] : []),
    ],
    secrets.map((secret) => [
      secret.name,
      String(secret.version),
      humanSize(secret.size),
      secret.origin,
      humanAge(secret.createdAt_ms, now_ms),
      humanAge(secret.updatedAt_ms, now_ms),
      ...scheduleOf(secret),
      ...expiryOf(secret),
    ]),
  );
}

function printLines(session: Session, lines: readonly string[]): void {
  if (lines.length > 0) {
    session.print(lines.join('\n'));
  }
}

/** Names are prefixes, without regard to case, as in `docker secret ls`. */
function filterOf(filters: readonly string[]): Filter {
  const prefixes: string[] = [];
  const labels: Filter[] = [];
  for (const filter of filters) {
    const [key, value] = splitOnce(filter);
    if (key === 'name' && value !== undefined) {
      prefixes.push(value.toLowerCase());
    } else if (key === 'label' && value !== undefined) {
      labels.push(labelFilter(value));
    } else {
      throw usageError(`unknown filter ${filter}`, 'It is name=PREFIX, label=KEY or label=KEY=VALUE.');
    }
  }
  return (secret) => {
    const name = secret.name.toLowerCase();
    const named = prefixes.length === 0 || prefixes.some((prefix) => name.startsWith(prefix));
    return named && labels.every((label) => label(secret));
  };
}

function labelFilter(text: string): Filter {
  const [key, value] = splitOnce(text);
  return ({ labels }) => Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
}

function splitOnce(text: string): readonly [string, string | undefined] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}
