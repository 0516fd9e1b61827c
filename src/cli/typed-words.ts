// SPDX-License-Identifier: Apache-2.0
// What the words of a command line are, as far as they go, whether or not they can be carried out.
import type { Command, Option } from 'commander';

/** What follows is named as without it. */
const HELP = 'help';

export interface TypedWords {
  /** The one that they name. */
  readonly command: Command | undefined;
  /** Those after it that are no options; the first of them too if it names no command. */
  readonly positionals: readonly string[];
  /** The option that the last word is, if its value is still to come. */
  readonly pending: Option | undefined;
  /** What was given with `--socket`. */
  readonly socket: string | undefined;
}

export function readWords(program: Command, words: readonly string[]): TypedWords {
  let command: Command | undefined;
  let pending: Option | undefined;
  let socket: string | undefined;
  const positionals: string[] = [];
  for (const word of words) {
    if (pending !== undefined) {
      if (pending.long === '--socket') {
        socket = word;
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
      } else if (command !== undefined || word !== HELP) {
        positionals.push(word);
      }
    }
  }
  return { command, positionals, pending, socket };
}

/** Those that its help shows. */
export function optionsOf(command: Command | undefined): readonly Option[] {
  return command?.createHelp().visibleOptions(command) ?? [];
}

/** `node ls`: a command's name with those that it stands under. */
export function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

function commandNamed(parent: Command, word: string): Command | undefined {
  return parent.commands.find((one) => one.name() === word || one.aliases().includes(word));
}
