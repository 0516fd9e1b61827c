// SPDX-License-Identifier: Apache-2.0
// The commands of the command line, as the program itself has them.
import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import { loadAllCommands } from '../../src/cli/command-table.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { Session } from '../../src/cli/session.ts';
import { pathOf, readWords } from '../../src/cli/typed-words.ts';

/** A command that does something. What a group of commands does by itself has the name of the group. */
export interface Verb {
  /** What is typed for it: `ls`, `node ls`. */
  readonly words: string;
  readonly command: Command;
}

let known: Promise<Command> | undefined;

/** The program as docker starts it, whose flags are docker's own too. */
function program(): Promise<Command> {
  known ??= loadAllCommands().then((commands) => buildProgram(idleSession(), commands));
  return known;
}

/** Of a command that is not run. */
export function idleSession(): Session {
  return new Session({
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
  });
}

/** All of them, in the order of the help. */
export async function verbs(): Promise<readonly Verb[]> {
  return (await program()).commands.flatMap((command) => verbsOf(command));
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

/** What `--help` says, of a command that one can name. */
export interface CommandHelp {
  readonly words: string;
  readonly text: string;
}

/** Of all that the help names, in its order; a group of commands before those under it. */
export async function helps(): Promise<readonly CommandHelp[]> {
  return shownUnder(await program())
    .filter((command) => command.name() !== 'help')
    .flatMap((command) => [
      { words: command.name(), text: helpOf(command) },
      ...shownUnder(command)
        .filter((inner) => inner.parent === command && inner.name() !== 'help')
        .map((inner) => ({ words: `${command.name()} ${inner.name()}`, text: helpOf(inner) })),
    ]);
}

/** Of the program itself. */
export async function programHelp(): Promise<string> {
  return helpOf(await program());
}

const HELP_COLUMNS = 120;

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    getOutHelpWidth: () => HELP_COLUMNS,
    writeOut: (more) => {
      text += more;
    },
  });
  command.outputHelp();
  return text;
}

/** The words of the verb that a command line names; undefined where it names none. */
export async function verbOf(args: readonly string[]): Promise<string | undefined> {
  const { command } = readWords(await program(), args);
  const verb = (await verbs()).find((one) => one.command === command);
  return verb?.words ?? (command && pathOf(command));
}
