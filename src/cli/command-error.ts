// SPDX-License-Identifier: Apache-2.0
// What ends a command, and the exit code that it ends with.

/** 0 done; 1 the command was not understood or cannot be carried out here; 2 the request failed. */
export const EXIT = { done: 0, usage: 1, failed: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** `run` ends as a shell does where a program is not there, or cannot be run. */
export type CommandExitCode = Exclude<ExitCode, 0> | 126 | 127;

/** Ends a command with one sentence, without a full stop, and what to type instead. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: CommandExitCode;
  readonly hint: string | undefined;
  /** Under this id the daemon's log has more of it. */
  readonly request: string | undefined;

  constructor(exitCode: CommandExitCode, sentence: string, hint?: string, request?: string) {
    super(sentence);
    this.exitCode = exitCode;
    this.hint = hint;
    this.request = request;
  }
}

/** A command that cannot be carried out as it was typed. */
export function usageError(sentence: string, hint?: string): CommandError {
  return new CommandError(EXIT.usage, sentence, hint);
}

/** A request that was not answered, or refused. */
export function requestError(sentence: string, hint?: string, request?: string): CommandError {
  return new CommandError(EXIT.failed, sentence, hint, request);
}
