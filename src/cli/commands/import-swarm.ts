// SPDX-License-Identifier: Apache-2.0
import { type Command, Option } from 'commander';
import { DAY_MS } from '../../common/index.ts';
import type { SwarmImportReply } from '../../control/index.ts';
import { checkName } from '../../secrets/index.ts';
import { EXIT, requestError, usageError } from '../command-error.ts';
import { durationBetween } from '../duration.ts';
import { ImportClient } from '../import-client.ts';
import { patientLook } from '../patient-look.ts';
import { ProgressLine } from '../rotation-progress.ts';
import type { Session } from '../session.ts';
import { howToApply, importTable, progressText, stackChanges } from '../swarm-import-text.ts';
import { addExamples, formatOption } from './options.ts';

interface ImportSwarmOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly apply?: boolean;
  readonly timeout: number;
  readonly format: string;
}

const INTERVAL_MS = 300;
const TIMEOUT_MIN_MS = 10_000;
const TIMEOUT_MS = 10 * 60_000;
const NAMES_MAX = 200;

export function addImportSwarm(group: Command, session: Session): void {
  const command = group
    .command('swarm')
    .description(
      "Bring the swarm's own secrets into coffer, under their names. A task on this node reads them: it has coffer's own Node and nothing else, writes no log, and is removed. No service is touched without --apply.",
    )
    .usage('[OPTIONS] NAME...|--all')
    .argument('[name...]', 'names, as in docker secret ls')
    .option('--all', 'all secrets that the swarm has in its own store')
    .option('--dry-run', 'show what would be done; no value is read')
    .option(
      '--apply',
      'then update the services that use them, one after the other, to take them from coffer, and remove them from the swarm',
    )
    .addOption(
      new Option('--timeout <duration>', 'with --apply: how long each service is waited for')
        .argParser(durationBetween(TIMEOUT_MIN_MS, DAY_MS))
        .default(TIMEOUT_MS, '10m'),
    )
    .addOption(formatOption('table'))
    .action((names: string[], options: ImportSwarmOptions) => importSwarm(session, names, options));
  addExamples(command, session, [
    ['coffer import swarm --all --dry-run', 'what there is, and who uses it'],
    ['coffer import swarm db_password', 'into coffer; nothing is restarted'],
    ['coffer import swarm --all --apply', 'and have the services take them from coffer'],
  ]);
}

async function importSwarm(
  session: Session,
  names: readonly string[],
  options: ImportSwarmOptions,
): Promise<void> {
  const { all = false, apply = false, dryRun = false, timeout: timeout_ms } = options;
  if (all === names.length > 0) {
    throw usageError('give names of secrets, or --all');
  }
  if (names.length > NAMES_MAX) {
    throw usageError(`${NAMES_MAX} names at most can be given at once`, 'Use --all for all of them.');
  }
  names.forEach(checkName);
  const client = new ImportClient(await session.client());
  const begun = await client.begin({ names, apply, dryRun, timeout_ms });
  const outcome = dryRun ? begun : await follow(session, client, begun);
  show(session, outcome, options);
}

/** Shows how far it is until it has ended. It goes on by itself if nobody follows it any longer. */
async function follow(
  session: Session,
  client: ImportClient,
  begun: SwarmImportReply,
): Promise<SwarmImportReply> {
  const progress = new ProgressLine(session);
  const lookAgain = patientLook(session, INTERVAL_MS, () => client.progress());
  const stay = session.io.whenEnded(() =>
    session.complain(
      'the import goes on by itself',
      `See what has come of it, once it has ended, with the same command again.`,
    ),
  );
  let reply = begun;
  try {
    while (reply.phase === 'reading' || reply.phase === 'switching') {
      if (reply.secrets.length > 0) {
        progress.show(progressText(reply));
      }
      reply = await lookAgain(reply);
    }
  } finally {
    stay();
    progress.end();
  }
  if (reply.phase === 'idle') {
    throw requestError(
      'the daemon was started anew, and the import has not ended',
      'Type the command again.',
    );
  }
  return reply;
}

function show(session: Session, reply: SwarmImportReply, { format, ...options }: ImportSwarmOptions): void {
  const { problem, secrets } = reply;
  if (format === 'json') {
    secrets.forEach((secret) => session.printJson(secret));
  } else if (secrets.length === 0) {
    session.print('The swarm has no secret in its own store: there is nothing to import.');
  } else {
    session.print(importTable(reply));
  }
  if (format !== 'json' && problem === undefined) {
    const name = session.name;
    [howToApply(reply, name, options.all === true), stackChanges(reply)]
      .filter((text) => text !== '')
      .forEach((text) => session.print(`\n${text}`));
  }
  if (problem !== undefined) {
    session.complain(problem.message, problem.hint);
    session.endWith(EXIT.failed);
  }
  const failed = secrets.some(
    ({ services, state }) => state === 'failed' || services.some((service) => service.state === 'failed'),
  );
  if (failed) {
    session.endWith(EXIT.failed);
  }
}
