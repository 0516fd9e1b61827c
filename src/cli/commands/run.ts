// SPDX-License-Identifier: Apache-2.0
import { isUtf8 } from 'node:buffer';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { checkName, isSecretName } from '../../secrets/index.ts';
import { usageError } from '../command-error.ts';
import type { Environment } from '../io.ts';
import { runProcess } from '../run-process.ts';
import { SecretDirectory } from '../secret-directory.ts';
import type { Session } from '../session.ts';
import { addExamples, warnIfStale } from './options.ts';

/** A secret, and the name of the file or the variable that is to have it. */
interface Wanted {
  readonly secret: string;
  readonly as: string;
}

interface RunOptions {
  readonly secret?: readonly Wanted[];
  readonly env?: readonly Wanted[];
  readonly dir?: string;
}

const DIRECTORY_VARIABLE = 'COFFER_SECRETS_DIR';
const FILE_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,255}$/;
const VARIABLE_PATTERN = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function addRun(program: Command, session: Session): void {
  const command = program
    .command('run')
    .description(
      `Run a program on this machine with secrets, as files in memory that are wiped when it ends, or in its environment alone. ${DIRECTORY_VARIABLE} tells it where the files are. The daemon logs that it gives them out.`,
    )
    .usage('[OPTIONS] -- COMMAND [ARG...]')
    .argument('<command...>', 'the program and its arguments, behind --')
    .addOption(new Option('--secret <name[:file]>', 'a secret as a file; repeatable').argParser(collectFile))
    .addOption(
      new Option(
        '--env <variable=name>',
        'a secret as a variable, which all that the program starts has too; repeatable',
      ).argParser(collectVariable),
    )
    .option('--dir <path>', 'a directory in memory to make the files in (default: one that is found)')
    .action((words: string[], options: RunOptions) => run(session, words, options));
  addExamples(command, session, [
    [
      'coffer run --secret db_password -- sh -c \'pg_dump "$(cat $COFFER_SECRETS_DIR/db_password)"\'',
      'as a file',
    ],
    ['coffer run --secret tls_key:server.key -- nginx', 'under another name'],
    ['coffer run --env PGPASSWORD=db_password -- psql -h db', 'in the environment'],
  ]);
}

async function run(session: Session, command: readonly string[], options: RunOptions): Promise<void> {
  const { dir, env: variables = [], secret: files = [] } = options;
  if (files.length + variables.length === 0) {
    throw usageError('no secret is given', 'Give --secret NAME or --env VARIABLE=NAME.');
  }
  refuseTwins(files, 'file');
  refuseTwins(variables, 'variable');
  const { io } = session;
  const places = { wished: dir, runtime: io.env['XDG_RUNTIME_DIR'] };
  let directory: SecretDirectory | undefined;
  const stay = io.whenEnded(() => directory?.wipe());
  try {
    directory = files.length === 0 ? undefined : SecretDirectory.create(places);
    for (const { as, secret } of files) {
      await withValue(session, secret, (value) => directory?.write(as, value));
    }
    const given = await environment(session, variables);
    stay();
    // From here on the program is what a signal is for.
    const code = await runProcess({
      command,
      env: { ...withoutPlugin(io.env), ...given, ...(directory && { [DIRECTORY_VARIABLE]: directory.path }) },
      hasTerminal: io.stdin.isTTY === true,
      onStart: (pid) => directory?.share(pid),
    });
    session.endAs(code);
  } finally {
    stay();
    directory?.wipe();
  }
}

/** Docker's own words to its plugins are not for what they run. */
function withoutPlugin(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('DOCKER_CLI_PLUGIN_')));
}

/** A variable is text: the one way in which a program takes it. */
async function environment(session: Session, variables: readonly Wanted[]): Promise<Environment> {
  const given: Record<string, string> = {};
  for (const { as, secret } of variables) {
    await withValue(session, secret, (value) => {
      if (!isUtf8(value) || value.includes(0)) {
        throw usageError(
          `secret ${secret} is not text, and so cannot stand in a variable`,
          `Give it as a file: --secret ${secret}`,
        );
      }
      given[as] = value.toString('utf8');
    });
  }
  return given;
}

async function withValue(session: Session, name: string, work: (value: Buffer) => void): Promise<void> {
  const { freshness, value } = await (await session.client()).reveal(name, undefined);
  try {
    warnIfStale(session, freshness);
    work(value);
  } finally {
    value.fill(0);
  }
}

function collectFile(text: string, before: readonly Wanted[] = []): readonly Wanted[] {
  const [secret = '', file = secret, ...more] = text.split(':');
  if (!isSecretName(secret) || !FILE_PATTERN.test(file) || more.length > 0) {
    throw new InvalidArgumentError(
      'It is the name of a secret, or NAME:FILE with a file name without slashes.',
    );
  }
  return [...before, { secret, as: file }];
}

function collectVariable(text: string, before: readonly Wanted[] = []): readonly Wanted[] {
  const equals = text.indexOf('=');
  const [variable, secret] = [text.slice(0, Math.max(equals, 0)), text.slice(equals + 1)];
  if (!VARIABLE_PATTERN.test(variable)) {
    throw new InvalidArgumentError('It is VARIABLE=NAME, with the name of a secret.');
  }
  checkName(secret);
  return [...before, { secret, as: variable }];
}

function refuseTwins(wanted: readonly Wanted[], what: string): void {
  const twin = wanted.find(({ as }, at) => wanted.findIndex((one) => one.as === as) < at);
  if (twin !== undefined) {
    throw usageError(`two secrets are to be in the ${what} ${twin.as}`);
  }
}
