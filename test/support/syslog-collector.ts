// SPDX-License-Identifier: Apache-2.0
// A syslog receiver as a process beside an engine, which can be frozen, killed and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { atProcessEnd, killProcess } from './cleanup.ts';
import type { HostBox } from './host-box.ts';
import { buildTestProgram } from './program.ts';
import {
  parseSyslogMessage,
  readOctetCounted,
  type SyslogMessage,
  withoutRepeats,
} from './syslog-messages.ts';

export class SyslogCollector {
  readonly #box: HostBox;
  readonly #port: number;
  readonly #directory: string;
  #process: ChildProcess | undefined;
  #forget = (): void => undefined;
  /** One file for each process: a message ends within it, or comes again in the next one. */
  readonly #files: string[] = [];

  /** It listens on a port of the box's 127.0.0.1 once it is started. */
  constructor(box: HostBox, port: number, directory: string) {
    this.#box = box;
    this.#port = port;
    this.#directory = directory;
  }

  async start(): Promise<void> {
    const file = `${this.#directory}/collected-${this.#files.length}`;
    const program = await buildTestProgram('syslog-collector-program');
    const [command, ...args] = this.#box.insideNetwork([process.execPath, program, String(this.#port), file]);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const { pid, stdout } = child;
    if (pid !== undefined) {
      this.#forget = atProcessEnd(() => killProcess(pid));
    }
    const ready = await Promise.race([once(stdout, 'data'), once(child, 'exit').then(() => undefined)]);
    if (ready === undefined) {
      throw new Error('the collector does not listen');
    }
    this.#files.push(file);
    this.#process = child;
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child !== undefined) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      this.#forget();
    }
  }

  /** The lines that have come, in their order, without those that came again. */
  lines(): readonly string[] {
    return withoutRepeats(this.messages().map(({ text }) => text));
  }

  /** The messages that have come, in their order. */
  messages(): readonly SyslogMessage[] {
    const streams = this.#files.filter((file) => existsSync(file)).map((file) => readFileSync(file));
    return streams.flatMap((stream) => readOctetCounted(stream).messages.map(parseSyslogMessage));
  }
}
