// SPDX-License-Identifier: Apache-2.0
// A process in the place of this one, as far as that goes: with its streams, its signals and its exit code.
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { systemErrorCode } from '../common/index.ts';
import { CommandError } from './command-error.ts';
import type { Environment } from './io.ts';

/** A terminal sends these to both. */
const TERMINAL_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
const OTHER_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];
/** As shells have them. */
const EXIT_NOT_FOUND = 127;
const EXIT_NOT_EXECUTABLE = 126;
const SIGNAL_EXIT_OFFSET = 128;

export interface ProcessWish {
  readonly command: readonly string[];
  readonly env: Environment;
  readonly hasTerminal: boolean;
  /** Called once it runs. */
  readonly onStart: (pid: number) => void;
}

/** Resolves with its exit code: 128 and the signal's number, if one has ended it. Rejects if it cannot be started. */
export async function runProcess({ command, env, hasTerminal, onStart }: ProcessWish): Promise<number> {
  const [program = '', ...words] = command;
  const child = spawn(program, words, { env, stdio: 'inherit' });
  const stopForwarding = forward(child, hasTerminal);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('spawn', () => child.pid !== undefined && onStart(child.pid));
      child.once('error', (thrown) => {
        if (child.pid === undefined) {
          reject(notStarted(program, thrown));
        }
      });
      child.once('exit', (code, signal) => {
        resolve(code ?? SIGNAL_EXIT_OFFSET + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    stopForwarding();
  }
}

function forward(child: ChildProcess, hasTerminal: boolean): () => void {
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  const ignore = (): void => undefined;
  TERMINAL_SIGNALS.forEach((signal) => process.on(signal, hasTerminal ? ignore : pass));
  OTHER_SIGNALS.forEach((signal) => process.on(signal, pass));
  return () => {
    TERMINAL_SIGNALS.forEach((signal) => process.off(signal, hasTerminal ? ignore : pass));
    OTHER_SIGNALS.forEach((signal) => process.off(signal, pass));
  };
}

function notStarted(program: string, thrown: Error): CommandError {
  const isMissing = systemErrorCode(thrown) === 'ENOENT';
  return new CommandError(
    isMissing ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE,
    isMissing
      ? `there is no program ${program}`
      : `${program} cannot be run (${systemErrorCode(thrown) ?? ''})`,
  );
}
