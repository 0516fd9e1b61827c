// SPDX-License-Identifier: Apache-2.0
// Runs a program to its end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** More output than this is cut off: no test reads as much. */
const output_bytes_max = 64 * 1024 * 1024;

export interface CommandOptions {
  /** What the program reads from its standard input; nothing by default. */
  readonly input?: string | Uint8Array;
  /** The program's whole environment, beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Then the program is killed, and the call rejects. Default 60,000. */
  readonly timeout_ms?: number;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** A program that exited with another code than 0. The message holds what it wrote to its standard error. */
export class CommandError extends Error {
  readonly result: CommandResult;

  constructor(command: readonly string[], result: CommandResult) {
    super(`${command.join(' ')}: exit code ${result.code}: ${(result.stderr || result.stdout).trim()}`);
    this.name = 'CommandError';
    this.result = result;
  }
}

async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= output_bytes_max) {
      chunks.push(chunk);
    }
  });
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

/** Runs `command` and resolves to what came of it, whatever its exit code is. */
export async function tryCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const timeout_ms = options.timeout_ms ?? 60_000;
  const [program, ...args] = command;
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: 'pipe',
    timeout: timeout_ms,
    killSignal: 'SIGKILL',
  });
  // A program that ends without reading its input is not this call's trouble.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const [[code, signal], stdoutBytes, stderr] = await Promise.all([
    exited,
    collect(child.stdout),
    collect(child.stderr),
  ]);
  if (code === null) {
    throw new Error(`${command.join(' ')}: ended by ${signal ?? 'a signal'} (limit ${timeout_ms} ms)`);
  }
  return { code, stdout: stdoutBytes.toString('utf8'), stdoutBytes, stderr: stderr.toString('utf8') };
}

/** Runs `command` and rejects with a `CommandError` unless it exits with code 0. */
export async function runCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await tryCommand(command, options);
  if (result.code !== 0) {
    throw new CommandError(command, result);
  }
  return result;
}
