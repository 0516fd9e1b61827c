// SPDX-License-Identifier: Apache-2.0
// Which commands a command line waits for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import {
  type AddCommand,
  COMMAND_TABLE,
  loadAllCommands,
  loadCommands,
} from '../../../src/cli/command-table.ts';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { idleSession } from '../../support/command-tree.ts';
import { runCli } from './cli-harness.ts';

/** What the program knows the commands by. */
function namesOf(commands: readonly AddCommand[]): readonly (readonly string[])[] {
  const program = new Command();
  commands.forEach((add) => add(program, idleSession()));
  return program.commands.map((command) => [command.name(), ...command.aliases()]);
}

test('each command is found in the table by each of its names', async () => {
  assert.deepEqual(
    namesOf(await loadAllCommands()),
    COMMAND_TABLE.map(({ names }) => names),
  );
});

test('a command line that begins with a command, or with a socket and a command, needs that one alone', async () => {
  for (const line of ['ls', 'list -q', '--socket /x ls', 'ls help', 'ls --version']) {
    assert.deepEqual(namesOf(await loadCommands(line.split(' '))), [['ls', 'list']], line);
  }
  assert.deepEqual(await loadCommands(['--version']), []);
});

test('any other command line needs all of them', async () => {
  for (const line of ['help ls', '--help', 'lss', '--socket=/x ls', '--socket /x', '-h ls', 'constructor']) {
    assert.equal((await loadCommands(line.split(' '))).length, COMMAND_TABLE.length, line);
  }
});

test('what a command says of itself is the same whether or not the others are there', async () => {
  const directory = temporaryDirectory();
  try {
    for (const { names } of COMMAND_TABLE) {
      const [name = ''] = names;
      const alone = await runCli([name, '--help'], directory.path);
      assert.deepEqual(alone, await runCli(['help', name], directory.path), name);
      assert.equal(alone.code, 0, name);
    }
  } finally {
    directory.remove();
  }
});
