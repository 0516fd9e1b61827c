// SPDX-License-Identifier: Apache-2.0
// Every command, typed wrong in each way in which any command can be: nothing is done, and one sentence says what is wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Argument } from 'commander';
import { temporaryDirectory } from '../../support/cleanup.ts';
import { type Verb, verbs } from '../../support/command-tree.ts';
import { runCli } from './cli-harness.ts';

/** What is understood as each argument that a command needs, and as each option that it cannot do without. */
function needed({ command }: Verb): readonly string[] {
  const options = command.options.filter(({ mandatory }) => mandatory).map(({ long }) => `${long}=1`);
  return [...command.registeredArguments.filter(({ required }) => required).map(wordFor), ...options];
}

function wordFor({ argChoices }: Argument): string {
  return argChoices?.[0] ?? '1';
}

/** Each wrong command line after the words of the command, with what the sentence says of it. */
function wrongLines(verb: Verb): readonly (readonly [line: readonly string[], says: RegExp])[] {
  const { command } = verb;
  const given = needed(verb);
  const taken = command.registeredArguments;
  const missing = taken.find(({ required }) => required);
  const mandatory = given.filter((word) => word.startsWith('--'));
  const hasFormat = command.options.some(({ long }) => long === '--format');
  return [
    [[...given, '--bogus'], /^unknown option '--bogus'$/],
    ...(hasFormat
      ? ([
          [[...given, '--format', 'yaml'], /^option '--format <format>' argument 'yaml' is invalid\. /],
          [[...given, '--format'], /^option '--format <format>' argument missing$/],
        ] as const)
      : []),
    ...(missing === undefined
      ? []
      : ([[mandatory, new RegExp(`^missing required argument '${missing.name()}'$`)]] as const)),
    ...(taken.some(({ variadic }) => variadic)
      ? []
      : ([[[...taken.map(wordFor), ...mandatory, 'extra'], /^too many arguments/]] as const)),
  ];
}

test('a command that is typed wrong ends with 1, says what is wrong, and where it is told what to type', async () => {
  const directory = temporaryDirectory();
  let lines = 0;
  try {
    for (const verb of await verbs()) {
      for (const [line, says] of wrongLines(verb)) {
        const argv = [...verb.words.split(' '), ...line];
        const { code, stderr, stdout } = await runCli(argv, directory.path);
        const typed = argv.join(' ');
        assert.deepEqual({ code, stdout }, { code: 1, stdout: '' }, `${typed}: ${stderr}`);
        const [sentence = '', hint = '', ...more] = stderr.split('\n');
        assert.deepEqual(more, [''], `${typed}: two lines: ${stderr}`);
        assert.match(sentence.replace(/^coffer: /, ''), says, typed);
        assert.equal(hint, `See: coffer ${verb.words} --help`, typed);
        lines += 1;
      }
    }
  } finally {
    directory.remove();
  }
  assert.ok(lines > 150, 'the commands are found');
});
