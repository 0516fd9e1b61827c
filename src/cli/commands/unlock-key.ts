// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { UnlockKeyReply, UnlockKeyWish } from '../../control/index.ts';
import type { Session } from '../session.ts';
import { printable } from '../text.ts';
import { addExamples, formatOption, warnIfStale } from './options.ts';

interface UnlockKeyOptions {
  readonly quiet?: boolean;
  readonly rotate?: boolean;
  readonly shares?: UnlockKeyWish['shares'];
  readonly format: string;
}

export function addUnlockKey(program: Command, session: Session): void {
  const command = program
    .command('unlock-key')
    .description('Show the unlock key, or make a new one.')
    .usage('[OPTIONS]')
    .option('--rotate', 'make a new key first; managers that are down now need the old one once')
    .addOption(
      new Option(
        '--shares <K/N>',
        'N shares in the place of the key, of which any K unlock: 2/3 to 16/16',
      ).argParser(sharePlan),
    )
    .option('-q, --quiet', 'the key alone, or the shares, one on each line')
    .addOption(formatOption('text'))
    .action((options: UnlockKeyOptions) => unlockKey(session, options));
  addExamples(command, session, [
    ['coffer unlock-key', 'the key that the next start of a manager needs'],
    ['coffer unlock-key --rotate', 'when it was seen by others, or somebody has left'],
    ['coffer unlock-key --rotate --shares 2/3', 'for three people, two of whom are needed'],
    ['coffer unlock-key -q | lpr', 'on paper'],
  ]);
}

async function unlockKey(session: Session, options: UnlockKeyOptions): Promise<void> {
  const { rotate, shares } = options;
  const reply = await (await session.cluster()).unlockKey({ rotate, shares });
  warnIfStale(session, reply.freshness);
  if (options.format === 'json') {
    session.printJson(reply);
    return;
  }
  const texts = textsOf(reply).map(printable);
  if (options.quiet === true) {
    for (const text of texts) {
      session.print(text);
    }
    return;
  }
  const news =
    rotate === true
      ? [
          'The unlock key is a new one. A manager that is down needs the old one once, unless the others unlock it.',
          '',
        ]
      : [];
  const [key = ''] = texts;
  const told =
    shares === undefined ? unlockInstructions(session, key) : shareInstructions(session, texts, shares);
  session.print([...news, told].join('\n'));
}

/** What is said with the unlock key, wherever it is shown. */
export function unlockInstructions(session: Session, key: string): string {
  return [
    `A manager that starts again is locked until you type ${session.name} unlock there, and this key:`,
    '',
    `    ${key}`,
    '',
    'Keep it in a password manager, and not on the managers: without it no locked manager can be started.',
  ].join('\n');
}

function shareInstructions(
  session: Session,
  texts: readonly string[],
  { count, threshold }: NonNullable<UnlockKeyWish['shares']>,
): string {
  return [
    `A manager that starts again is locked until ${threshold} of these ${count} shares are typed at ${session.name} unlock:`,
    '',
    ...texts.map((text) => `    ${text}`),
    '',
    `Give each to somebody else. Fewer than ${threshold} tell nothing of the key; the shares before these are good too until it is rotated.`,
  ].join('\n');
}

function textsOf({ shares, unlockKey: key }: UnlockKeyReply): readonly string[] {
  return shares ?? (key === undefined ? [] : [key]);
}

function sharePlan(text: string): NonNullable<UnlockKeyWish['shares']> {
  const match = /^(?<threshold>\d{1,2})\/(?<count>\d{1,2})$/.exec(text)?.groups;
  const threshold = Number(match?.['threshold'] ?? 0);
  const count = Number(match?.['count'] ?? 0);
  if (threshold < 2 || threshold > count || count > 16) {
    throw new InvalidArgumentError('It is K/N, such as 2/3, with 2 <= K <= N <= 16.');
  }
  return { threshold, count };
}
