// SPDX-License-Identifier: Apache-2.0
// The commands of the command line, as the program itself has them.
import { PassThrough } from 'node:stream';
import type { Command, Option } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';
import { Session } from '../../src/cli/session.ts';

/** A command that does something. What a group of commands does by itself has the name of the group. */
export interface Verb {
  /** What is typed for it: `ls`, `node ls`. */
  readonly words: string;
  readonly command: Command;
}

let known: Command | undefined;

/** The program as docker starts it, whose flags are docker's own too. */
function program(): Command {
  known ??= buildProgram(
    new Session({
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stdoutIsFile: () => false,
      stderr: new PassThrough(),
      env: {},
      homeDirectory: '/nonexistent',
      runDirectory: '/nonexistent',
      asDockerPlugin: true,
      now_ms: () => 0,
      pause: () => Promise.resolve(),
      whenEnded: () => () => undefined,
    }),
  );
  return known;
}

/** All of them, in the order of the help. */
export function verbs(): readonly Verb[] {
  return program().commands.flatMap((command) => verbsOf(command));
}

function verbsOf(command: Command): readonly Verb[] {
  const words = command.name();
  if (command.commands.length === 0) {
    return [{ words, command }];
  }
  const shown = shownUnder(command);
  return command.commands.map((inner) => ({
    words: shown.includes(inner) ? `${words} ${inner.name()}` : words,
    command: inner,
  }));
}

function shownUnder(group: Command): readonly Command[] {
  return group.createHelp().visibleCommands(group);
}

/** The verb that the words of a command line name; undefined where they name none. */
export function verbOf(args: readonly string[]): Verb | undefined {
  const at = firstWord(args);
  const command = named(program(), args[at]);
  if (command === undefined || command.commands.length === 0) {
    return command && { words: command.name(), command };
  }
  const group = verbsOf(command);
  const inner = named(command, args[at + 1]);
  return group.find((verb) => (inner === undefined ? verb.words === command.name() : verb.command === inner));
}

function named(parent: Command, word: string | undefined): Command | undefined {
  return parent.commands.find((one) => one.name() === word || one.aliases().includes(word ?? ''));
}

/** Where the first word stands that is neither an option of the program nor the value of one. */
function firstWord(args: readonly string[]): number {
  let at = 0;
  while (args[at]?.startsWith('-') === true) {
    const option: Option | undefined = program().options.find(({ long, short }) =>
      [long, short].includes(args[at] ?? ''),
    );
    at += option?.required === true ? 2 : 1;
  }
  return at;
}
