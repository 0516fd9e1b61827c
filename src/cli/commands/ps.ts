// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import type { LedgerEntry, LedgerName } from '../../control/index.ts';
import { usageError } from '../command-error.ts';
import type { Session } from '../session.ts';
import { counted, humanAge, renderTable } from '../text.ts';
import { addExamples, collectText, formatOption, warnIfStale } from './options.ts';

interface PsOptions {
  readonly filter?: readonly string[];
  readonly format: string;
  readonly quiet?: boolean;
  readonly stale?: boolean;
  /** False with `--no-trunc`. */
  readonly trunc: boolean;
}

/** What docker shows of an id. */
const SHORT_ID_LENGTH = 12;
const UNKNOWN = '?';
const FILTERS =
  'It is service=NAME, container=NAME or node=NAME; an id does as well, or what it begins with.';

export function addPs(program: Command, session: Session): void {
  const command = program
    .command('ps')
    .description('List who holds which version of a secret: the tasks that run, and containers with volumes.')
    .usage('[OPTIONS] [NAME]')
    .argument('[name]', 'only this secret; left out: all')
    .addOption(
      new Option(
        '-f, --filter <filter>',
        'service=NAME, container=NAME or node=NAME, or an id; repeatable: any of one kind, all of the kinds',
      ).argParser(collectText),
    )
    .option('--stale', 'only those whose version is not the current one, or whose secret was removed')
    .option('-q, --quiet', 'ids of tasks and containers alone')
    .option('--no-trunc', 'ids in full')
    .addOption(formatOption('table'))
    .action((name: string | undefined, options: PsOptions) => ps(session, name, options));
  addExamples(command, session, [
    ['coffer ps db_password', 'who holds this secret, and which version'],
    ['coffer ps --stale', 'who still has what was replaced or removed'],
    ['coffer ps --filter node=web-1 --format json', 'one JSON object on each line'],
  ]);
}

async function ps(session: Session, name: string | undefined, options: PsOptions): Promise<void> {
  const isWanted = filterOf(options.filter ?? []);
  const client = await session.client();
  const { entries, freshness, gaps } = await client.ledger(name);
  warnIfStale(session, freshness);
  gaps.forEach(({ hint, message }) => session.complain(message, hint));
  const wanted = entries.filter(isWanted).toSorted(inOrder);
  const listed = options.stale === true ? wanted.filter(isStale) : wanted;
  print(session, listed, options);
  const unknown = wanted.filter(({ state }) => state === 'unknown').length;
  if (options.stale === true && unknown > 0) {
    session.complain(
      `of ${counted(unknown, 'holder')} the version is not known, so that it may be an old one`,
      `See them without --stale: ${session.name} ps`,
    );
  }
}

function print(session: Session, entries: readonly LedgerEntry[], options: PsOptions): void {
  const short = (id: string): string => (options.trunc ? id.slice(0, SHORT_ID_LENGTH) : id);
  if (options.quiet === true) {
    const ids = entries.flatMap(({ container, task }) => task ?? container?.id ?? []);
    [...new Set(ids)].forEach((id) => session.print(short(id)));
  } else if (options.format === 'json') {
    entries.forEach((entry) => session.printJson(entry));
  } else {
    session.print(table(entries, short, session.io.now_ms()));
  }
}

function table(entries: readonly LedgerEntry[], short: (id: string) => string, now_ms: number): string {
  return renderTable(
    ['SECRET', 'VERSION', 'STATE', 'SERVICE', 'TASK', 'NODE', 'SINCE'],
    entries.map((entry) => [
      entry.secret,
      entry.sealed === undefined ? String(entry.version ?? UNKNOWN) : 'sealed',
      entry.pinned ? `${entry.state}, pinned` : entry.state,
      userOf(entry, short),
      short(entry.task ?? entry.container?.id ?? ''),
      entry.node.hostname === '' ? short(entry.node.id) : entry.node.hostname,
      entry.givenAt_ms === undefined ? UNKNOWN : humanAge(entry.givenAt_ms, now_ms),
    ]),
  );
}

/** No service has a name with a space in it. */
function userOf({ container, service }: LedgerEntry, short: (id: string) => string): string {
  if (container !== undefined) {
    return `container ${container.name}`;
  }
  return service === undefined || service.name !== '' ? (service?.name ?? UNKNOWN) : short(service.id);
}

function isStale({ state }: LedgerEntry): boolean {
  return state === 'stale' || state === 'removed';
}

const { compare } = new Intl.Collator('en', { numeric: true });

/** By secret, then by service or container, then by node. */
function inOrder(one: LedgerEntry, other: LedgerEntry): number {
  const [some, others] = [one, other].map(({ container, node, secret, service, task = '' }) => [
    secret,
    service?.name ?? container?.name ?? '',
    node.hostname,
    task,
  ]);
  const differences = some?.map((key, at) => compare(key, others?.[at] ?? ''));
  return differences?.find((difference) => difference !== 0) ?? 0;
}

/** As docker's filters: any of those of one key, and all keys. */
function filterOf(filters: readonly string[]): (entry: LedgerEntry) => boolean {
  const wanted = new Map<string, string[]>();
  for (const filter of filters) {
    const equals = filter.indexOf('=');
    const key = equals < 0 ? '' : filter.slice(0, equals);
    if (key !== 'service' && key !== 'container' && key !== 'node') {
      throw usageError(`unknown filter ${filter}`, FILTERS);
    }
    wanted.set(key, [...(wanted.get(key) ?? []), filter.slice(equals + 1)]);
  }
  return ({ container, node, service }) => {
    const there = { service, container, node: { id: node.id, name: node.hostname } };
    return (['service', 'container', 'node'] as const).every((key) => {
      const of = there[key];
      return wanted.get(key)?.some((text) => isNamed(text, of)) ?? true;
    });
  };
}

function isNamed(text: string, of: LedgerName | undefined): boolean {
  return text !== '' && of !== undefined && (of.name === text || of.id.startsWith(text));
}
