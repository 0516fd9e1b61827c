// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { usageError } from '../command-error.ts';
import { promptHidden } from '../hidden-prompt.ts';
import { readStandardInput } from '../read-value.ts';
import type { Session } from '../session.ts';
import { addExamples, formatOption } from './options.ts';

const SHARES_MAX = 16;
const SHARE_PATTERN = /^\s*c[o0]ffer[\s-]*share/i;
/** What says that it is a share, with some blanks. */
const SHARE_PREFIX_BYTES = 24;
const NEWLINE = Buffer.from('\n');

export function addUnlock(program: Command, session: Session): void {
  const command = program
    .command('unlock')
    .description(
      'Unlock this manager with the unlock key, or with shares of it. It is asked for, or read from standard input.',
    )
    .usage('[OPTIONS]')
    .addOption(formatOption('text'))
    .action((options: { readonly format: string }) => unlock(session, options.format));
  addExamples(command, session, [
    ['coffer unlock', 'asks for the key, or for shares one after the other'],
    ['pass coffer/unlock-key | coffer unlock', 'from standard input; shares stand on lines of their own'],
  ]);
}

async function unlock(session: Session, format: string): Promise<void> {
  const client = await session.client();
  const text =
    session.io.stdin.isTTY === true ? await ask(session) : await readStandardInput(session, 'an unlock key');
  const reply = await client.unlock(text).finally(() => text.fill(0));
  if (format === 'json') {
    session.printJson(reply);
  } else {
    session.print('coffer is unlocked, and serves.');
  }
}

/** The key, or shares of it, each on a line. The caller wipes it. */
async function ask({ io }: Session): Promise<Buffer> {
  const lines = await promptHidden(io.stdin, io.stderr, nextQuestion);
  const text = Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
  for (const line of lines) {
    line.fill(0);
  }
  if (text.length === lines.length) {
    throw usageError('no key was typed');
  }
  return text;
}

/** Of shares, the administrator knows how many are needed. */
function nextQuestion(answered: number, last: Buffer): string | undefined {
  if (answered === 0) {
    return 'Unlock key, or a share of it: ';
  }
  const isShare = SHARE_PATTERN.test(last.toString('latin1', 0, SHARE_PREFIX_BYTES));
  return isShare && answered < SHARES_MAX ? 'Another share (empty after the last one): ' : undefined;
}
