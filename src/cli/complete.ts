// SPDX-License-Identifier: Apache-2.0
// What may stand at the cursor.
import type { Command, Option } from 'commander';
import {
  type Answer,
  type Candidate,
  type Cursor,
  grants,
  nodeNames,
  ofWord,
  refusedNames,
  secretNames,
  ruleIds,
  tokenIds,
  versionNumbers,
} from './complete-names.ts';
import type { Session } from './session.ts';
import { optionsOf, pathOf, readWords } from './typed-words.ts';
import type { VersionStatus } from '../wording/index.ts';

const NO_FILES = ':4';
const FILES = ':0';

/** What `__complete` prints for the words typed so far, the last of which is being typed. Never fails. */
export async function completionReply(
  program: Command,
  session: Session,
  words: readonly string[],
): Promise<string> {
  const current = words.at(-1) ?? '';
  const { command, positionals, pending, socket } = readWords(program, words.slice(0, -1));
  session.socketOption ??= socket;
  const answer = await answerFor({ program, session, command, positionals, pending, current });
  const lines = answer.candidates
    .filter(({ word }) => word.startsWith(current))
    .map(({ word, meaning }) => `${word}\t${meaning}`);
  return `${[...lines, answer.files === true ? FILES : NO_FILES].join('\n')}\n`;
}

async function answerFor(cursor: Cursor): Promise<Answer> {
  const { program, command, pending, current, positionals } = cursor;
  if (pending !== undefined) {
    return namesOf(pending, cursor) ?? optionValues(pending, command);
  }
  if (current.startsWith('-') && current !== '-') {
    return { candidates: [...optionsOf(command), ...program.options].filter(visible).map(ofOption) };
  }
  if (command === undefined) {
    return { candidates: program.commands.map(ofCommand) };
  }
  switch (pathOf(command)) {
    case 'put':
    case 'rotate':
      return positionals.length === 0 ? secretNames(cursor) : { candidates: [], files: true };
    case 'reseal':
      return { candidates: [], files: true };
    case 'seal':
    case 'backup':
    case 'restore':
    case 'backup-ls':
    case 'backup-get':
    case 'backup-key':
    case 'drill':
    case 'import env':
    case 'import compose':
      return { candidates: [], files: positionals.length === 0 };
    case 'inspect':
    case 'prune':
    case 'rm':
      return secretNames(cursor);
    case 'history':
    case 'get':
    case 'rollback':
      return versionsOf(cursor, 1, ['previous', 'older']);
    case 'destroy':
      return versionsOf(cursor, Number.POSITIVE_INFINITY, ['previous', 'older']);
    case 'grant':
    case 'grant-ls':
    case 'ps':
    case 'cert':
      return positionals.length === 0 ? secretNames(cursor) : { candidates: [] };
    case 'revoke':
      return grants(cursor);
    case 'policy rm':
      return ruleIds(cursor);
    case 'policy add':
      return positionals.length === 1 ? secretNames(cursor) : choicesOf(command);
    case 'why':
      return positionals.length === 0 ? refusedNames(cursor) : { candidates: [] };
    case 'node inspect':
    case 'node promote':
    case 'node demote':
    case 'node rm':
      return nodeNames(cursor);
    case 'join-token revoke':
      return tokenIds(cursor);
    default:
      return positionals.length === 0 ? choicesOf(command) : { candidates: [] };
  }
}

/** A secret, and then `count_max` of its versions that are in one of these states. */
function versionsOf(
  cursor: Cursor,
  count_max: number,
  states: readonly VersionStatus[],
): Answer | Promise<Answer> {
  const { positionals } = cursor;
  if (positionals.length === 0) {
    return secretNames(cursor);
  }
  return positionals.length > count_max ? { candidates: [] } : versionNumbers(cursor, states);
}

/** Of an option whose value is something of the cluster's. */
function namesOf({ long }: Option, cursor: Cursor): Promise<Answer> | undefined {
  switch (long ?? '') {
    case '--survivor':
      return nodeNames(cursor, '=');
    case '--node':
      return nodeNames(cursor);
    case '--secret':
      return secretNames({ ...cursor, positionals: [] });
    case '--secret-version':
      return cursor.command?.name() === 'get'
        ? versionNumbers(cursor, ['current', 'previous', 'older'])
        : undefined;
    default:
      return undefined;
  }
}

/** The words that the command itself says may follow: its argument's choices, and the commands under it. */
function choicesOf(command: Command): Answer {
  const help = command.createHelp();
  const words = (help.visibleArguments(command)[0]?.argChoices ?? []).map(ofWord);
  const commands = help.visibleCommands(command).filter((one) => command.commands.includes(one));
  return { candidates: [...words, ...commands.map(ofCommand)] };
}

function optionValues(option: Option, command: Command | undefined): Answer {
  if (option.argChoices !== undefined) {
    return { candidates: option.argChoices.map(ofWord) };
  }
  switch (option.long ?? '') {
    case '--filter':
      return { candidates: filtersOf(command).map(ofWord) };
    case '--generate':
      return { candidates: ['hex:32', 'base64:32', 'password:24', 'uuid'].map(ofWord) };
    case '--ttl':
      return { candidates: ['10m', '1h', '24h'].map(ofWord) };
    case '--shares':
      return { candidates: ['2/3', '3/5'].map(ofWord) };
    case '--schedule':
      return {
        candidates: [...(command?.name() === 'backup' ? ['03:00', '24h'] : ['30d']), 'off'].map(ofWord),
      };
    case '--certificate-lifetime':
      return { candidates: ['720h', '2160h'].map(ofWord) };
    case '--socket':
    case '--token':
    case '--passphrase-file':
    case '--identity':
    case '--output':
    case '--cert':
    case '--dir':
      return { candidates: [], files: true };
    default:
      return { candidates: [] };
  }
}

function filtersOf(command: Command | undefined): readonly string[] {
  return command?.name() === 'ps' ? ['service=', 'container=', 'node='] : ['name=', 'label='];
}

function visible({ hidden, long }: Option): boolean {
  return !hidden && typeof long === 'string';
}

function ofOption({ long, description }: Option): Candidate {
  return { word: long ?? '', meaning: description };
}

function ofCommand(command: Command): Candidate {
  return { word: command.name(), meaning: command.description() };
}
