// SPDX-License-Identifier: Apache-2.0
import { Argument, type Command } from 'commander';
import { completionScript, SHELLS, type Shell } from '../completion-scripts.ts';
import type { Session } from '../session.ts';
import { addExamples } from './options.ts';

export function addCompletion(program: Command, session: Session): void {
  const command = program
    .command('completion')
    .description('Print the script that completes this command in a shell, names of secrets included.')
    .usage('SHELL')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .action((shell: Shell) => {
      session.print(completionScript(shell));
    });
  addExamples(command, session, [
    ['source <(coffer completion bash)', 'for this shell'],
    ['coffer completion bash > /etc/bash_completion.d/coffer', 'for all shells to come'],
    ['coffer completion zsh > ~/.zfunc/_coffer', 'for zsh, with ~/.zfunc in its fpath'],
    ['coffer completion fish > ~/.config/fish/completions/coffer.fish', 'for fish'],
  ]);
}
