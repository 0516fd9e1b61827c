// SPDX-License-Identifier: Apache-2.0
// One run of the command line: where it prints, which daemon it speaks to, how it will end.
import { CofferError } from '../common/index.ts';
import { ClusterClient } from './cluster-client.ts';
import { CommandError, type CommandExitCode, EXIT, type ExitCode } from './command-error.ts';
import { ControlClient } from './control-client.ts';
import type { DockerFlags } from './docker-flags.ts';
import { findControlSocket } from './find-daemon.ts';
import type { Io } from './io.ts';
import { dockerForm, printable } from './text.ts';

const COLOURS = { red: 31, green: 32, yellow: 33 } as const;

export class Session {
  readonly io: Io;
  /** What the user types before a command: `coffer` or `docker coffer`. */
  readonly name: string;
  /** Docker's own flags, where docker started this program. */
  dockerFlags: DockerFlags;
  /** From `--socket`; settled once the options are read. */
  socketOption: string | undefined;
  #exitCode: ExitCode = EXIT.done;
  #programCode: number | undefined;
  #client: Promise<ControlClient> | undefined;

  constructor(io: Io, dockerFlags: DockerFlags = {}) {
    this.io = io;
    this.dockerFlags = dockerFlags;
    this.name = io.asDockerPlugin ? 'docker coffer' : 'coffer';
  }

  get exitCode(): number {
    return this.#programCode ?? this.#exitCode;
  }

  /** Ends as a program has ended that was run. */
  endAs(code: number): void {
    this.#programCode = code;
  }

  /** The worst code that was set is the one that counts. */
  endWith(code: ExitCode): void {
    if (code > this.#exitCode) {
      this.#exitCode = code;
    }
  }

  #end(code: CommandExitCode): void {
    if (code === EXIT.usage || code === EXIT.failed) {
      this.endWith(code);
    } else {
      this.endAs(code);
    }
  }

  /** The daemon: by `--socket`, `COFFER_SOCKET`, or the first that is found. */
  client(): Promise<ControlClient> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  /** The daemon's cluster. */
  async cluster(): Promise<ClusterClient> {
    return new ClusterClient(await this.client());
  }

  async #connect(): Promise<ControlClient> {
    const named = this.socketOption ?? this.io.env['COFFER_SOCKET'] ?? '';
    return new ControlClient(named === '' ? await findControlSocket(this.io.runDirectory) : named);
  }

  print(text: string): void {
    this.io.stdout.write(`${text}\n`);
  }

  /** One line of JSON in docker's form. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(dockerForm(value)));
  }

  /**
   * `coffer: sentence` on standard error, with what to do about it on the next line, and then under which id the daemon's log has
   * more of it.
   */
  complain(sentence: string, hint?: string, request?: string): void {
    const more = [hint, request === undefined ? undefined : `In the daemon's log: request ${request}`];
    const lines = [`coffer: ${sentence}`, ...more.filter((line) => line !== undefined)].map(printable);
    this.io.stderr.write(`${lines.join('\n')}\n`);
  }

  /** `WARNING: sentence` on standard error, for what was done and should be known all the same. */
  warn(sentence: string): void {
    this.io.stderr.write(`WARNING: ${printable(sentence)}\n`);
  }

  /** Says what went wrong, and remembers the exit code for it. */
  fail(thrown: unknown): void {
    if (thrown instanceof CommandError) {
      this.complain(thrown.message, thrown.hint, thrown.request);
      this.#end(thrown.exitCode);
      return;
    }
    const error = CofferError.from(thrown);
    this.complain(error.detail, error.hint);
    this.endWith(error.status === 400 ? EXIT.usage : EXIT.failed);
  }

  /** A word in colour, where a person at a terminal wants colours (https://no-color.org). */
  coloured(colour: keyof typeof COLOURS, text: string): string {
    const { env, stdout } = this.io;
    const wanted = stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
    return wanted ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
  }
}
