// SPDX-License-Identifier: Apache-2.0
import { EXIT } from './command-error.ts';
import { splitDockerWords } from './docker-flags.ts';
import { hookReply } from './hooks.ts';
import type { Io } from './io.ts';
import { HOOKS_COMMAND, METADATA_COMMAND, pluginMetadata } from './plugin-protocol.ts';

/**
 * Runs the command line with `argv`, the words after the program's name, and resolves with the exit code:
 * 0 done, 1 usage, 2 the request failed, or that of a program that was run. What a user can do never makes it reject.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const { flags, words } = io.asDockerPlugin ? splitDockerWords(argv) : { flags: {}, words: argv };
  // Docker asks these two each time it runs; they do not wait for the rest to load.
  if (words[0] === METADATA_COMMAND) {
    io.stdout.write(`${pluginMetadata()}\n`);
    return EXIT.done;
  }
  if (words[0] === HOOKS_COMMAND) {
    io.stdout.write(hookReply(words[1] ?? ''));
    return EXIT.done;
  }
  const { runProgram } = await import('./program.ts');
  return runProgram(words, io, flags);
}
