// SPDX-License-Identifier: Apache-2.0
// Somebody who types what a page says, one command after the other, and looks whether what comes is what the page shows.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tryCommand } from './command.ts';
import { defaultDockerCli } from './docker-cli.ts';
import { commandsOf, type PageCommand } from './manual.ts';
import { checkShape } from './printed-shape.ts';
import { builtFile } from './project.ts';
import { testOf } from './untyped-commands.ts';
import { waitFor } from './wait-for.ts';

/** Where it is typed. */
export interface Desk {
  /** The test that types, as a path from the project's top level. */
  readonly test: string;
  /** A directory of its own, in which all is typed. */
  readonly directory: string;
  /** It may be that of another daemon later. */
  readonly controlSocket: string;
  readonly dockerSocket: string;
  /** Puts a command line where the daemon is. Default: it is here. */
  readonly inside?: (command: readonly string[]) => readonly string[];
  /** What the programs find in their environment besides. */
  readonly env?: () => Readonly<Record<string, string>>;
}

/** What a page takes for granted; all by how a command begins. */
export interface Circumstances {
  /** The title of the section that is typed. Default: all of them. */
  readonly section?: string;
  /** Who types what is typed on such a machine. Default: whoever types the page. */
  readonly machines?: Readonly<Record<string, PageTypist>>;
  /** What has happened before it is typed. */
  readonly before?: Readonly<Record<string, () => Promise<void> | void>>;
  /** What is answered when it asks. */
  readonly answers?: Readonly<Record<string, string>>;
  /** What is typed in the place of words that stand for something. */
  readonly words?: Readonly<Record<string, string>>;
  /** What has another name here, in what is typed and in what is printed. */
  readonly names?: Readonly<Record<string, string>>;
  /** Those that go on until somebody ends them by Ctrl-C, and what is done before that, once they have printed what the page shows. */
  readonly serving?: Readonly<Record<string, (printed: string) => Promise<void>>>;
  /** Counts and amounts of the page, which are other ones here. */
  readonly numbersVary?: boolean;
  /** Those that are typed at a terminal. */
  readonly atTerminal?: readonly string[];
}

/** What came of a line. */
interface Said {
  readonly code: number;
  readonly stdout: string;
}

/** Of the commands that look for something that comes a moment later. */
const TIMEOUT_MS = 60_000;
/** Of a program that ended by SIGINT, as shells have it. */
const INTERRUPTED = 130;

/** Puts `docker` and `docker coffer` onto a desk: the first is the real one, and starts coffer's by itself. */
function furnish(directory: string): string {
  const programs = path.join(directory, '.bin');
  mkdirSync(programs);
  const plugin = path.join(programs, 'docker-coffer');
  symlinkSync(builtFile('dist/coffer.cjs', 'make build'), plugin);
  const docker = path.join(programs, 'docker');
  // Of two programs that docker starts for each command of a plugin, one is enough here.
  const lines = [
    '#!/bin/sh',
    `[ "$1" = coffer ] && exec '${process.execPath}' '${plugin}' "$@"`,
    `exec '${defaultDockerCli().path}' "$@"`,
  ];
  writeFileSync(docker, `${lines.join('\n')}\n`, { mode: 0o755 });
  return programs;
}

export class PageTypist {
  readonly #desk: Desk;
  readonly #programs: string;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#programs = furnish(desk.directory);
  }

  /** Types a page from its beginning to its end, without what is excepted or for another test. */
  async typePage(page: string, circumstances: Circumstances = {}): Promise<void> {
    const { machines = {}, section } = circumstances;
    const commands = commandsOf(page).filter(
      (command) =>
        testOf(page, command) === this.#desk.test && (section === undefined || command.section === section),
    );
    assert.ok(commands.length > 0, `${page} has something to type`);
    const typed = new Map<string, number>();
    for (const command of commands) {
      const times = (typed.get(command.command) ?? 0) + 1;
      typed.set(command.command, times);
      await (machines[command.machine] ?? this).#type(page, command, times, circumstances);
    }
  }

  async #type(
    page: string,
    command: PageCommand,
    times: number,
    circumstances: Circumstances,
  ): Promise<void> {
    const { before = {}, answers = {}, atTerminal = [], numbersVary = false, words = {} } = circumstances;
    const { names = {}, serving = {} } = circumstances;
    await chosen(before, command, times)?.();
    const typed = [...Object.entries(words), ...Object.entries(names)].reduce(
      (text, [word, meaning]) => text.replaceAll(word, meaning),
      command.command,
    );
    const isAtTerminal = atTerminal.includes(command.command);
    const line = isAtTerminal ? `script -qec ${quoted(typed)} /dev/null` : typed;
    const input = chosen(answers, command, times) ?? '';
    const meanwhile = chosen(serving, command, times);
    const { code, stdout } =
      meanwhile === undefined
        ? await this.run(line, input)
        : await this.#serve(line, command.printed.length, meanwhile);
    const where = `${page}:${command.line} ${command.command}`;
    if (command.printed.length > 0) {
      const shown = Object.entries(names).reduce((text, [name, own]) => text.replaceAll(own, name), stdout);
      checkShape(command.printed, shown, { where, numbersVary });
    } else {
      assert.equal(code, 0, `${where}: ${stdout}`);
    }
  }

  /** Runs a line of a shell; what it says on standard error stands among the rest. */
  async run(line: string, input = ''): Promise<Said> {
    const { command, env } = this.#shell(`{ ${line}\n} 2>&1`);
    return tryCommand(command, { env, input, timeout_ms: TIMEOUT_MS });
  }

  /** Runs one command of a shell until `meanwhile` is done, which comes after so many lines of output. */
  async #serve(line: string, lines: number, meanwhile: (printed: string) => Promise<void>): Promise<Said> {
    const file = path.join(this.#desk.directory, '.said');
    rmSync(file, { force: true });
    const typed = line.replace(/\s+# .*$/, '');
    // It ends when its standard input does: with the test, too. With job control, it is one that SIGINT reaches.
    const { command, env } = this.#shell(
      `set -m; ${typed} > .said 2>&1 < /dev/null & cat; kill -INT $!; wait $!`,
    );
    const [program, ...args] = command;
    const shell = spawn(program, args, { env, stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = once(shell, 'exit') as Promise<[number | null]>;
    const said = (): string => readFileSync(file, 'utf8');
    try {
      await waitFor(() => said().split('\n').length > lines, { what: `${line} to say what it says` });
      await meanwhile(said());
    } finally {
      shell.stdin.end();
      await ended;
    }
    const [code] = await ended;
    // As of one that was ended by Ctrl-C.
    return { code: code === INTERRUPTED ? 0 : (code ?? INTERRUPTED), stdout: said() };
  }

  #shell(line: string): {
    readonly command: [string, ...string[]];
    readonly env: Readonly<Record<string, string>>;
  } {
    const { controlSocket, directory, dockerSocket, env, inside = (words) => words } = this.#desk;
    const [program = '', ...args] = inside(['bash', '-c', `cd ${quoted(directory)} && ${line}`]);
    return {
      command: [program, ...args],
      env: {
        PATH: `${this.#programs}:${path.dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`,
        HOME: directory,
        DOCKER_HOST: `unix://${dockerSocket}`,
        COFFER_SOCKET: controlSocket,
        NO_COLOR: '1',
        ...env?.(),
      },
    };
  }
}

/** Of those that the command begins with, the longest; or that for the second time that it stands there, `COMMAND#2`. */
function chosen<T>(
  table: Readonly<Record<string, T>>,
  { command }: PageCommand,
  times: number,
): T | undefined {
  const keys = Object.keys(table).filter((key) => key === `${command}#${times}` || command.startsWith(key));
  const [key] = keys.toSorted((one, other) => other.length - one.length);
  return key === undefined ? undefined : table[key];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
