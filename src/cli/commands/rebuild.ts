// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { RebuildDescription } from '../../control/index.ts';
import { usageError } from '../command-error.ts';
import { confirm } from '../confirm.ts';
import { readStandardInput } from '../read-value.ts';
import { followRebuild } from '../rebuild-progress.ts';
import type { Session } from '../session.ts';
import { counted, renderFields } from '../text.ts';
import { addExamples, collectText, formatOption } from './options.ts';

interface RebuildOptions {
  readonly join?: readonly string[];
  readonly token?: string;
  readonly detach?: boolean;
  readonly yes?: boolean;
  readonly format: string;
}

const FIELD_WIDTH = 12;
/** What a join token begins with. */
const TOKEN_PATTERN = /^\s*coffer-1-/i;

export function addRebuild(program: Command, session: Session): void {
  const command = program
    .command('rebuild')
    .description(
      'Have this manager, whose store is damaged, copy all secrets from the others, under a new id. What is on its disk is set aside.',
    )
    .usage('[OPTIONS]')
    .option(
      '--join <address>',
      'a manager to turn to; may be repeated (default: those that it knows)',
      collectText,
    )
    .option('--token <file>', 'a file with a join token for a manager, or - for standard input; with --join')
    .option('-d, --detach', 'begin, and do not wait for the end')
    .option('-y, --yes', 'do not ask before')
    .addOption(formatOption('text'))
    .action((options: RebuildOptions) => rebuild(session, options));
  addExamples(command, session, [
    ['coffer rebuild', 'when status says store.damaged; or to see how far one is that was begun'],
    ['coffer rebuild --join 10.0.0.1 --token -', "when the node's certificate is gone too, or was removed"],
  ]);
}

async function rebuild(session: Session, options: RebuildOptions): Promise<void> {
  const { detach = false, join = [], yes = false } = options;
  const token = await readToken(session, options);
  if (token !== undefined && join.length === 0) {
    throw usageError('--token goes with --join ADDRESS');
  }
  const cluster = await session.cluster();
  const { stage } = await cluster.rebuildState();
  if (stage === 'none' && !yes && token === undefined) {
    await confirm(
      session,
      'This manager gives up its old id for good, and copies all secrets from the others; what is on its disk is set aside.',
    );
  }
  const begun = await cluster.rebuild(join, token);
  show(session, options, detach ? begun : await followRebuild(session, cluster, begun));
}

async function readToken(session: Session, { token }: RebuildOptions): Promise<string | undefined> {
  if (token === undefined) {
    return undefined;
  }
  if (TOKEN_PATTERN.test(token)) {
    throw usageError(
      'a join token is never taken from the command line, where others can see it',
      `Use: ${session.name} rebuild --join ADDRESS --token -   and give it on standard input`,
    );
  }
  const text = token === '-' ? await readStandardInput(session, 'a join token') : await readTokenFile(token);
  try {
    return text.toString('utf8').trim();
  } finally {
    text.fill(0);
  }
}

async function readTokenFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch {
    throw usageError('the file that --token names cannot be read');
  }
}

function show(session: Session, { format }: RebuildOptions, description: RebuildDescription): void {
  if (format === 'json') {
    session.printJson(description);
    return;
  }
  const { nodeId, problem, replaces, secrets, setAside, stage } = description;
  const isDone = stage === 'done';
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['ID:', nodeId],
    ['Old ID:', replaces && (isDone ? `${replaces}, removed for good` : `${replaces}, being removed`)],
    ['State:', isDone ? 'it votes' : stage === 'copying' ? 'it copies the secrets' : 'it was let in'],
    ['Secrets:', secrets === undefined ? undefined : counted(secrets, 'secret')],
    ['Waits:', problem],
    ['Set aside:', setAside && `${setAside} (when nothing of it is needed: rm -r ${setAside})`],
  ];
  const known = fields.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
  session.print(renderFields(known, FIELD_WIDTH));
}
