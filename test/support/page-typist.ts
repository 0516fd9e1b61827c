// SPDX-License-Identifier: Apache-2.0
// Somebody who types what a page says, one command after the other, and looks whether what comes is what the page shows.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tryCommand } from './command.ts';
import { defaultDockerCli } from './docker-cli.ts';
import { commandsOf, type PageCommand } from './manual.ts';
import { checkShape } from './printed-shape.ts';
import { builtFile } from './project.ts';
import { testOf } from './untyped-commands.ts';

/** Where it is typed. */
export interface Desk {
  /** The test that types, as a path from the project's top level. */
  readonly test: string;
  /** A directory of its own, in which all is typed. */
  readonly directory: string;
  readonly controlSocket: string;
  readonly dockerSocket: string;
  /** Puts a command line where the daemon is. Default: it is here. */
  readonly inside?: (command: readonly string[]) => readonly string[];
  /** What the programs find in their environment besides. */
  readonly env?: () => Readonly<Record<string, string>>;
}

/** What a page takes for granted; all by how a command begins. */
export interface Circumstances {
  /** What has happened before it is typed. */
  readonly before?: Readonly<Record<string, () => Promise<void> | void>>;
  /** What is answered when it asks. */
  readonly answers?: Readonly<Record<string, string>>;
  /** What is typed in the place of words that stand for something. */
  readonly words?: Readonly<Record<string, string>>;
  /** Counts and amounts of the page, which are other ones here. */
  readonly numbersVary?: boolean;
  /** Those that are typed at a terminal. */
  readonly atTerminal?: readonly string[];
}

/** Of the commands that look for something that comes a moment later. */
const TIMEOUT_MS = 60_000;

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
    const commands = commandsOf(page).filter((command) => testOf(page, command) === this.#desk.test);
    assert.ok(commands.length > 0, `${page} has something to type`);
    const typed = new Map<string, number>();
    for (const command of commands) {
      const times = (typed.get(command.command) ?? 0) + 1;
      typed.set(command.command, times);
      await this.#type(page, command, times, circumstances);
    }
  }

  async #type(
    page: string,
    command: PageCommand,
    times: number,
    circumstances: Circumstances,
  ): Promise<void> {
    const { before = {}, answers = {}, atTerminal = [], numbersVary = false, words = {} } = circumstances;
    await chosen(before, command, times)?.();
    const typed = Object.entries(words).reduce(
      (text, [word, meaning]) => text.replaceAll(word, meaning),
      command.command,
    );
    const isAtTerminal = atTerminal.includes(command.command);
    const line = isAtTerminal ? `script -qec ${quoted(typed)} /dev/null` : typed;
    const input = chosen(answers, command, times) ?? '';
    const { code, stdout } = await this.run(line, input);
    const where = `${page}:${command.line} ${command.command}`;
    if (command.printed.length > 0) {
      checkShape(command.printed, stdout, { where, numbersVary });
    } else {
      assert.equal(code, 0, `${where}: ${stdout}`);
    }
  }

  /** Runs a line of a shell; what it says on standard error stands among the rest. */
  async run(line: string, input = ''): Promise<{ readonly code: number; readonly stdout: string }> {
    const { controlSocket, directory, dockerSocket, env, inside = (words) => words } = this.#desk;
    const shell = ['bash', '-c', `cd ${quoted(directory)} && { ${line}\n} 2>&1`];
    const [program = '', ...args] = inside(shell);
    return tryCommand([program, ...args], {
      env: {
        PATH: `${this.#programs}:${path.dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`,
        HOME: directory,
        DOCKER_HOST: `unix://${dockerSocket}`,
        COFFER_SOCKET: controlSocket,
        NO_COLOR: '1',
        ...env?.(),
      },
      input,
      timeout_ms: TIMEOUT_MS,
    });
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
