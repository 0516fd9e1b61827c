// SPDX-License-Identifier: Apache-2.0
// What may stand at the cursor. It asks the daemon for names, but never waits for it.
import type { Command, Option } from 'commander';
import { ClusterClient } from './cluster-client.ts';
import { ControlClient } from './control-client.ts';
import type { Session } from './session.ts';

const TIMEOUT_MS = 1_000;
const NO_FILES = ':4';
const FILES = ':0';

interface Candidate {
  readonly word: string;
  readonly meaning: string;
}

interface Answer {
  readonly candidates: readonly Candidate[];
  readonly files?: boolean;
}

/** What `__complete` prints for the words typed so far, the last of which is being typed. Never fails. */
export async function completionReply(
  program: Command,
  session: Session,
  words: readonly string[],
): Promise<string> {
  const current = words.at(-1) ?? '';
  const { command, positionals, pending } = readWords(program, session, words.slice(0, -1));
  const answer = await answerFor({ program, session, command, positionals, pending, current });
  const lines = answer.candidates
    .filter(({ word }) => word.startsWith(current))
    .map(({ word, meaning }) => `${word}\t${meaning}`);
  return `${[...lines, answer.files === true ? FILES : NO_FILES].join('\n')}\n`;
}

interface Cursor {
  readonly program: Command;
  readonly session: Session;
  readonly command: Command | undefined;
  readonly positionals: readonly string[];
  /** The option whose value is being typed. */
  readonly pending: Option | undefined;
  readonly current: string;
}

function readWords(
  program: Command,
  session: Session,
  words: readonly string[],
): Pick<Cursor, 'command' | 'positionals' | 'pending'> {
  let command: Command | undefined;
  let pending: Option | undefined;
  const positionals: string[] = [];
  for (const word of words) {
    if (pending !== undefined) {
      if (pending.long === '--socket') {
        session.socketOption = word;
      }
      pending = undefined;
    } else if (word.startsWith('-') && word !== '-') {
      const option = [...program.options, ...optionsOf(command)].find(
        ({ long, short }) => long === word || short === word,
      );
      pending = option?.required === true ? option : undefined;
    } else {
      const inner: Command | undefined =
        positionals.length === 0 ? commandNamed(command ?? program, word) : undefined;
      if (inner !== undefined) {
        command = inner;
      } else if (command !== undefined) {
        positionals.push(word);
      }
    }
  }
  return { command, positionals, pending };
}

function commandNamed(parent: Command, word: string): Command | undefined {
  return parent.commands.find((one) => one.name() === word || one.aliases().includes(word));
}

/** Those that its help shows. */
function optionsOf(command: Command | undefined): readonly Option[] {
  return command?.createHelp().visibleOptions(command) ?? [];
}

/** `node ls`: a command's name with those that it stands under. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
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
      return positionals.length === 0 ? secretNames(cursor) : { candidates: [], files: true };
    case 'backup':
    case 'restore':
    case 'backup-ls':
    case 'backup-get':
    case 'backup-key':
    case 'drill':
      return { candidates: [], files: positionals.length === 0 };
    case 'inspect':
    case 'rm':
      return secretNames(cursor);
    case 'history':
    case 'grant':
    case 'grant-ls':
      return positionals.length === 0 ? secretNames(cursor) : { candidates: [] };
    case 'revoke':
      return grants(cursor);
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

/** Of an option whose value is something of the cluster's. */
function namesOf({ long }: Option, cursor: Cursor): Promise<Answer> | undefined {
  switch (long ?? '') {
    case '--survivor':
      return nodeNames(cursor, '=');
    case '--node':
      return nodeNames(cursor);
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
      return { candidates: ['name=', 'label='].map(ofWord) };
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
      return { candidates: [], files: true };
    default:
      return { candidates: [] };
  }
}

async function secretNames({ session, positionals }: Cursor): Promise<Answer> {
  try {
    const { secrets } = await (await quickClient(session)).secrets();
    const candidates = secrets
      .filter(({ name }) => !positionals.includes(name))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, version }) => ({ word: name, meaning: `version ${version}` }));
    return { candidates };
  } catch {
    return { candidates: [] };
  }
}

/** Of services and volumes that were refused something. */
async function refusedNames({ session }: Cursor): Promise<Answer> {
  try {
    const refusals = await (await quickClient(session)).refusals(undefined);
    const names = refusals.flatMap((refusal) =>
      refusal.kind === 'secret' ? [refusal.service] : [refusal.volume, ...refusal.users],
    );
    return { candidates: [...new Set(names)].map(ofWord) };
  } catch {
    return { candidates: [] };
  }
}

/** Of two nodes with one hostname, the ids are what tells them apart. */
async function nodeNames({ session, positionals }: Cursor, after = ''): Promise<Answer> {
  try {
    const nodes = await new ClusterClient(await quickClient(session)).nodes();
    const hostnames = nodes.map(({ hostname }) => hostname);
    const candidates = nodes
      .map(({ id, hostname, role, status }) => ({
        word: hostnames.filter((one) => one === hostname).length === 1 ? hostname : id,
        meaning: `${role}, ${status}`,
      }))
      .filter(({ word }) => !positionals.includes(word))
      .map(({ word, meaning }) => ({ word: `${word}${after}`, meaning }));
    return { candidates: candidates.sort((a, b) => (a.word < b.word ? -1 : 1)) };
  } catch {
    return { candidates: [] };
  }
}

/** By their ids, and by the names of their secrets, with which --node goes. */
async function grants({ session, positionals }: Cursor): Promise<Answer> {
  try {
    const listed = (await new ClusterClient(await quickClient(session)).grants({})).grants;
    const ids = listed.map(({ id, node, secret }) => ({
      word: id,
      meaning: `${secret} on ${node.hostname}`,
    }));
    const names = [...new Set(listed.map(({ secret }) => secret))].toSorted((a, b) => (a < b ? -1 : 1));
    const words = [...ids, ...names.map((word) => ({ word, meaning: 'with --node' }))];
    return { candidates: words.filter(({ word }) => !positionals.includes(word)) };
  } catch {
    return { candidates: [] };
  }
}

async function tokenIds({ session, positionals }: Cursor): Promise<Answer> {
  try {
    const tokens = await new ClusterClient(await quickClient(session)).tokens();
    const left = tokens.filter(({ id }) => !positionals.includes(id));
    return { candidates: left.map(({ id, role }) => ({ word: id, meaning: role })) };
  } catch {
    return { candidates: [] };
  }
}

async function quickClient(session: Session): Promise<ControlClient> {
  const { socketPath } = await session.client();
  return new ControlClient(socketPath, TIMEOUT_MS);
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

function ofWord(word: string): Candidate {
  return { word, meaning: '' };
}
