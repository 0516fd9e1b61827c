// SPDX-License-Identifier: Apache-2.0
// What several commands have in common.
import { type Command, Help, InvalidArgumentError, Option } from 'commander';
import type { Labels } from '../../secrets/index.ts';
import type { Session } from '../session.ts';

/** What a command says of the nodes that it takes. */
export const NODE_ARGUMENT = 'ids, what only one id begins with, or hostnames';

/** For people a table or text, for programs JSON. */
export function formatOption(forPeople: 'table' | 'text'): Option {
  return new Option('--format <format>', `${forPeople} for people, json for programs`)
    .choices([forPeople, 'json'])
    .default(forPeople);
}

/** Collects a repeatable `key=value` option; a key alone has an empty value, as in docker. */
export function collectLabel(text: string, before: Labels | undefined): Labels {
  const equals = text.indexOf('=');
  const key = equals < 0 ? text : text.slice(0, equals);
  if (key === '') {
    throw new InvalidArgumentError('It is key=value.');
  }
  return Object.fromEntries([
    ...Object.entries(before ?? {}),
    [key, equals < 0 ? '' : text.slice(equals + 1)],
  ]);
}

/** The number of a version. */
export function versionNumber(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) {
    throw new InvalidArgumentError('It is the number of a version.');
  }
  return Number(text);
}

/** Collects a repeatable option. */
export function collectText(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/**
 * What a command that has others under it does by itself. It is a hidden command of its own, since commander would give
 * the options that stand after the name of another to the command above; the help shows them as one.
 */
export function addDefaultCommand(group: Command, name: string): Command {
  const own = group.command(name, { isDefault: true, hidden: true });
  const help = new Help();
  group.configureHelp({
    ...group.configureHelp(),
    // Those under it inherit this.
    visibleOptions: (command) => help.visibleOptions(command === group ? own : command),
    visibleArguments: (command) => help.visibleArguments(command === group ? own : command),
  });
  return own;
}

/** Ends a command's help with examples: each line is a command without the program's name, and what it does. */
export function addExamples(
  command: Command,
  session: Session,
  examples: readonly (readonly [words: string, what: string])[],
): void {
  const lines = examples.map(
    ([words, what]) => `  # ${what}\n  ${words.replaceAll(/(^|[ (])coffer /g, `$1${session.name} `)}`,
  );
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** A read that could not be confirmed by the cluster is shown, and said to be so. */
export function warnIfStale(session: Session, freshness: 'linearizable' | 'local'): void {
  if (freshness === 'local') {
    session.complain('this node could not reach the others; the answer may be old');
  }
}
