// SPDX-License-Identifier: Apache-2.0
// The one command that shows a value which the store holds.
import { type Command, Option } from 'commander';
import type { SecretDescription } from '../../control/index.ts';
import { checkTarget, writeWhole } from '../backup-file.ts';
import { requestError, usageError } from '../command-error.ts';
import type { RevealedValue } from '../reveal-reply.ts';
import type { Session } from '../session.ts';
import { humanAge, humanSize, renderFields } from '../text.ts';
import { type KnownVersion, versionHistory } from '../../wording/index.ts';
import { addExamples, formatOption, versionNumber, warnIfStale } from './options.ts';

interface GetOptions {
  readonly secretVersion?: number;
  readonly reveal?: boolean;
  readonly output?: string;
  readonly force?: boolean;
  readonly format: string;
}

export function addGet(program: Command, session: Session): void {
  const command = program
    .command('get')
    .description('Tell what is known of a version, and show its value with --reveal.')
    .usage('[OPTIONS] NAME')
    .argument('<name>', 'a name or a whole id')
    .addOption(
      new Option(
        '--secret-version <number>',
        'another version than the current one; also --version',
      ).argParser(versionNumber),
    )
    .option('--reveal', 'show the value, byte for byte, on a terminal or into a file; the daemon logs that')
    .option('-o, --output <path>', 'with --reveal: write it into a new file, for its owner alone')
    .option('-f, --force', 'with --output: put it in the place of a file that is there')
    .addOption(formatOption('text'))
    .action((name: string, options: GetOptions) => get(session, name, options));
  addExamples(command, session, [
    ['coffer get db_password', 'what is known of it'],
    ['coffer get db_password --format json', 'the same for programs; the value is never in it'],
    ['coffer get db_password --reveal', 'its value, on this terminal'],
    ['coffer get tls_key --version 3 --reveal -o server.key', 'an older value, into a file'],
  ]);
}

async function get(session: Session, name: string, options: GetOptions): Promise<void> {
  const { force = false, output, reveal = false, secretVersion } = options;
  if (force && output === undefined) {
    throw usageError('--force goes with --output');
  }
  if (!reveal) {
    if (output !== undefined) {
      throw usageError('--output goes with --reveal');
    }
    await describe(session, name, options);
    return;
  }
  if (options.format === 'json') {
    throw usageError('a value never stands in JSON', 'Leave out --format json, or --reveal.');
  }
  if (output === undefined) {
    requireTerminalOrFile(session);
  } else {
    await checkTarget(output, force);
  }
  const client = await session.client();
  const { freshness, value, version } = await client.reveal(name, secretVersion);
  try {
    warnIfStale(session, freshness);
    await write(session, { value, version }, name, output);
  } finally {
    value.fill(0);
  }
}

/** What goes into a pipe ends where nobody looks for it: in logs of builds, and in other programs' memory. */
function requireTerminalOrFile({ io }: Session): void {
  if (io.stdout.isTTY !== true && !io.stdoutIsFile()) {
    throw usageError(
      'a value is not written into a pipe, behind which it may end in a log',
      'Write it into a file with --output PATH, or type the command at a terminal.',
    );
  }
}

async function write(
  session: Session,
  { value, version }: Pick<RevealedValue, 'value' | 'version'>,
  name: string,
  output: string | undefined,
): Promise<void> {
  if (output !== undefined) {
    const size_bytes = await writeWhole(session, output, (piece) => piece(value));
    session.print(`${name}: version ${version}, ${humanSize(size_bytes)}, is in ${output}`);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    session.io.stdout.write(value, (error) => (error instanceof Error ? reject(error) : resolve()));
  });
}

async function describe(
  session: Session,
  name: string,
  { format, secretVersion }: GetOptions,
): Promise<void> {
  const client = await session.client();
  const { secret, freshness } = await client.secret(name);
  warnIfStale(session, freshness);
  const version = versionOf(session, secret, secretVersion ?? secret.version);
  if (format === 'json') {
    session.printJson({ name: secret.name, ...version });
  } else {
    session.print(known(session, secret.name, version));
  }
}

function versionOf(session: Session, secret: SecretDescription, wanted: number): KnownVersion {
  const version = versionHistory(secret).find((one) => one.version === wanted);
  if (version === undefined) {
    throw requestError(
      `secret ${secret.name} has no version ${wanted}`,
      `See which versions there are: ${session.name} history ${secret.name}`,
    );
  }
  return version;
}

function known(
  session: Session,
  name: string,
  { createdAt_ms, destroyedAt_ms, size, status, version }: KnownVersion,
): string {
  const now_ms = session.io.now_ms();
  const rows: readonly (readonly [string, string])[] = [
    ['Name:', name],
    ['Version:', `${version}, ${status}`],
    ['Created:', humanAge(createdAt_ms, now_ms)],
    ['Size:', humanSize(size)],
    destroyedAt_ms === undefined
      ? ['Value:', `${session.name} get ${name} --version ${version} --reveal`]
      : ['Destroyed:', humanAge(destroyedAt_ms, now_ms)],
  ];
  return renderFields(rows, 12);
}
