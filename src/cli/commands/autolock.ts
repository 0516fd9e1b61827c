// SPDX-License-Identifier: Apache-2.0
import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import type { AutolockDescription, PeerUnlockDescription } from '../../control/index.ts';
import { usageError } from '../command-error.ts';
import type { Session } from '../session.ts';
import { printable, renderFields } from '../text.ts';
import { addExamples, formatOption, warnIfStale } from './options.ts';
import { unlockInstructions } from './unlock-key.ts';

const STATES = ['on', 'off'] as const;
type State = (typeof STATES)[number];

interface AutolockOptions {
  readonly format: string;
  /** A state: the word after the flag, which was meant for the command. */
  readonly peerUnlock?: boolean | State;
}

/** What is to be; what is undefined stays as it is. */
interface Wish {
  readonly state: State | undefined;
  readonly peerUnlock: boolean | undefined;
}

const FIELD_WIDTH = 18;
const PEERS_ON = [
  'Peer unlock is on: the managers unlock one another. Only when all of them were down, one needs the unlock key.',
  'Whoever takes the disk of a manager and reaches the port of the others can unlock it, until it is removed',
  '(docker coffer node rm).',
] as const;

export function addAutolock(program: Command, session: Session): void {
  const command = program
    .command('autolock')
    .description(
      "Show autolock, or turn it on or off: the managers' keys are sealed, and each start needs the unlock key.",
    )
    .usage('[OPTIONS] [on | off]')
    .addArgument(new Argument('[state]', 'what it is to be').choices(STATES))
    .addOption(
      new Option('--peer-unlock [bool]', 'have the managers unlock one another (=false: no longer)')
        .preset('true')
        .argParser(readPeerUnlock),
    )
    .addOption(formatOption('text'))
    .action((state: State | undefined, options: AutolockOptions) =>
      autolock(session, wishOf(state, options), options.format),
    );
  addExamples(command, session, [
    ['coffer autolock', 'whether it is on, and whether the keys of this manager are sealed'],
    ['coffer autolock on', 'on all managers; prints the unlock key, which is to be kept elsewhere'],
    ['coffer autolock on --peer-unlock', 'so that a manager needs the key only when no other runs'],
    ['coffer autolock --peer-unlock=false', 'back to the key at each start'],
    ['coffer unlock', 'on a manager that has started again'],
  ]);
}

/** As docker's own flags: a value only stands behind `=`. */
function readPeerUnlock(text: string): boolean | State {
  switch (text) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'on':
    case 'off':
      return text;
    default:
      throw new InvalidArgumentError('It is true or false.');
  }
}

function wishOf(given: State | undefined, { peerUnlock: flag }: AutolockOptions): Wish {
  const isWord = flag === 'on' || flag === 'off';
  const state = isWord && given === undefined ? flag : given;
  const peerUnlock = isWord ? true : flag;
  if (isWord && given !== undefined) {
    throw usageError('--peer-unlock is true or false');
  }
  if (state === 'off' && peerUnlock === true) {
    throw usageError('without autolock there is nothing for the managers to unlock');
  }
  return { state, peerUnlock };
}

async function autolock(session: Session, { peerUnlock, state }: Wish, format: string): Promise<void> {
  const cluster = await session.cluster();
  if (state === undefined && peerUnlock !== undefined) {
    const description = await cluster.setPeerUnlock(peerUnlock);
    printDescription(session, format, description, peersSentence(description));
    return;
  }
  if (state === undefined) {
    const description = await cluster.autolock();
    printDescription(session, format, description, describe(description));
    if (format !== 'json') {
      warnIfStale(session, description.freshness);
    }
    return;
  }
  const description = await cluster.setAutolock(state === 'on', state === 'on' ? peerUnlock : undefined);
  if (state === 'off') {
    const sentence =
      'Autolock is off: managers start by themselves, and their data keys lie beside the data.';
    printDescription(session, format, description, sentence);
    return;
  }
  const shown = await cluster.unlockKey({});
  const key = printable(shown.unlockKey ?? '');
  const peers = description.peerUnlock === undefined ? [] : ['', peersSentence(description)];
  const lines = [
    'Autolock is on: the keys of the managers are sealed.',
    '',
    unlockInstructions(session, key),
    ...peers,
  ];
  printDescription(session, format, { ...description, ...shown }, lines.join('\n'));
}

function printDescription(
  session: Session,
  format: string,
  description: AutolockDescription,
  text: string,
): void {
  if (format === 'json') {
    session.printJson(description);
  } else {
    session.print(text);
  }
}

function peersSentence({ peerUnlock }: AutolockDescription): string {
  if (peerUnlock === undefined) {
    return 'Peer unlock is off: each manager that starts again needs the unlock key.';
  }
  const { known, managers } = peerUnlock;
  const late = managers - known;
  const missing = `${late} of ${managers} managers ${late === 1 ? 'has' : 'have'} not followed yet, and would still need the key.`;
  return [...PEERS_ON, ...(late > 0 ? [missing] : [])].join('\n');
}

function describe({ enabled, peerUnlock, sealedHere }: AutolockDescription): string {
  const here = sealedHere ? 'sealed by the unlock key' : 'in the clear beside the data';
  const fields = renderFields(
    [
      ['Autolock:', enabled ? 'on' : 'off'],
      ['Keys here:', here],
      ...(enabled ? [['Peer unlock:', describePeers(peerUnlock)] as const] : []),
    ],
    FIELD_WIDTH,
  );
  return peerUnlock === undefined ? fields : `${fields}\n\n${PEERS_ON.join('\n')}`;
}

function describePeers(peerUnlock: PeerUnlockDescription | undefined): string {
  if (peerUnlock === undefined) {
    return 'off';
  }
  const here = peerUnlock.knownHere ? '' : ', this one not yet';
  return `on, for ${peerUnlock.known} of ${peerUnlock.managers} managers${here}`;
}
