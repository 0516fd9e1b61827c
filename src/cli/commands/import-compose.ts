// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { Command } from 'commander';
import { unreachable } from '../../common/index.ts';
import { CommandError, usageError } from '../command-error.ts';
import { type ComposeSecret, readComposeFile } from '../compose-file.ts';
import { type FoundValue, importValues } from '../import-values.ts';
import { readListFile, readValueFile } from '../read-value.ts';
import type { Session } from '../session.ts';
import { printable } from '../text.ts';
import { addExamples, formatOption } from './options.ts';

interface ImportComposeOptions {
  readonly prefix?: string;
  readonly dryRun?: boolean;
  readonly format: string;
}

export function addImportCompose(group: Command, session: Session): void {
  const command = group
    .command('compose')
    .description(
      'Store the secrets of a Compose or stack file that come from files and variables, and show what to change in it.',
    )
    .usage('[OPTIONS] FILE')
    .argument('<file>', 'such as compose.yaml; paths in it count from its directory')
    .option('--prefix <text>', 'put this before each name that the file does not give itself')
    .option('--dry-run', 'show names and sizes; nothing is stored')
    .addOption(formatOption('table'))
    .action((file: string, options: ImportComposeOptions) => importCompose(session, file, options));
  addExamples(command, session, [
    ['coffer import compose compose.yaml --dry-run', 'what there is'],
    ['coffer import compose shop.yaml --prefix shop_', 'db becomes the secret shop_db'],
  ]);
}

async function importCompose(session: Session, file: string, options: ImportComposeOptions): Promise<void> {
  const { dryRun = false, format, prefix = '' } = options;
  if (file === '-') {
    throw usageError('give a file: the paths in it count from its directory');
  }
  const text = (await readListFile(session, file)).toString('utf8');
  const secrets = readComposeFile(text);
  if (secrets.length === 0) {
    throw usageError('the file names no secrets');
  }
  const found: FoundValue[] = [];
  const keys = new Map<string, string>();
  for (const secret of secrets) {
    const name = secret.name ?? `${prefix}${secret.key}`;
    keys.set(name, secret.key);
    found.push({ name, ...(await valueOf(session, secret, path.dirname(file))) });
  }
  const imported = await importValues(session, found, { dryRun, format });
  const known = imported.filter(({ state }) => state !== 'left-out' && state !== 'failed');
  if (format !== 'json' && known.length > 0) {
    session.print(`\n${changes(known.map(({ name }) => [keys.get(name) ?? name, name]))}`);
  }
}

async function valueOf(
  session: Session,
  { source }: ComposeSecret,
  directory: string,
): Promise<Omit<FoundValue, 'name'>> {
  switch (source.kind) {
    case 'elsewhere':
      return { source: '', value: { why: source.why } };
    case 'environment': {
      const text = session.io.env[source.variable];
      const why = 'there is no such variable in the environment';
      return {
        source: `variable ${source.variable}`,
        value: text === undefined ? { why } : Buffer.from(text),
      };
    }
    case 'file': {
      const home = source.path.replace(/^~(?=\/)/, session.io.homeDirectory);
      return { source: source.path, value: await fileValue(path.resolve(directory, home)) };
    }
    default:
      return unreachable(source);
  }
}

async function fileValue(file: string): Promise<FoundValue['value']> {
  try {
    return await readValueFile(file);
  } catch (thrown) {
    if (thrown instanceof CommandError) {
      return { why: thrown.message };
    }
    throw thrown;
  }
}

/** For each secret, its key in the file and its name in coffer. */
function changes(secrets: readonly (readonly [key: string, name: string])[]): string {
  const stack = secrets.flatMap(([key, name]) => [
    `    ${key}:`,
    '      driver: coffer',
    `      labels: { coffer.name: ${name} }`,
  ]);
  const files = secrets.map(([key, name]) => (key === name ? name : `${name}:${key}`));
  return [
    'In the file of a stack, then write:',
    '  secrets:',
    ...stack,
    'In a Compose file, in the place of its secrets, a volume that services mount at /run/secrets:',
    '  volumes:',
    '    secrets:',
    '      driver: coffer',
    `      driver_opts: { secrets: "${files.join(' ')}" }`,
  ]
    .map(printable)
    .join('\n');
}
