// SPDX-License-Identifier: Apache-2.0
// Every command that a page has people type is typed by a test, or there is a reason why not.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { helps, verbOf, verbs } from '../../support/command-tree.ts';
import { commandsOf, markdownFiles, sectionsOf } from '../../support/manual.ts';
import { projectRoot } from '../../support/project.ts';
import {
  isAmong,
  isUntyped,
  TYPED_ELSEWHERE,
  TYPED_PAGES,
  testOf,
  UNTYPED_COMMANDS,
} from '../../support/untyped-commands.ts';

const pages = markdownFiles();

test('every command of every page is typed by a test, or is excepted with a reason', () => {
  const nobody = pages.flatMap((page) =>
    commandsOf(page)
      .filter((command) => !isUntyped(page, command) && testOf(page, command) === undefined)
      .map(({ command, line }) => `${page}:${line} ${command}`),
  );
  assert.deepEqual(nobody, [], 'type them in a test, or say why not, in test/support/untyped-commands.ts');
  assert.ok(pages.flatMap((page) => commandsOf(page)).length > 150, 'the commands are found');
});

test('the test of a page is there, and reads that page', () => {
  const elsewhere = TYPED_ELSEWHERE.map(({ page, test: file }) => [page, file] as const);
  for (const [page, file] of [...Object.entries(TYPED_PAGES), ...elsewhere]) {
    const name = path.join(projectRoot(), file);
    assert.ok(pages.includes(page) && existsSync(name), `${page}, ${file}`);
    const text = readFileSync(name, 'utf8');
    assert.ok(text.includes(page) || text.includes(`sectionsOf('${path.basename(page)}')`), file);
  }
});

test('a page that is typed by its sections has no command that is of no section', () => {
  for (const page of ['docs/operations.md', 'docs/volumes.md']) {
    const typed = sectionsOf(path.basename(page)).flatMap(({ steps }) => steps.map(({ command }) => command));
    const left = commandsOf(page).filter((command) => testOf(page, command) === TYPED_PAGES[page]);
    assert.deepEqual(
      left.map(({ command }) => command).filter((command) => !typed.includes(command)),
      [],
    );
  }
});

test('no exception is for what stands nowhere', () => {
  for (const some of [...UNTYPED_COMMANDS, ...TYPED_ELSEWHERE]) {
    const idle = some.commands.filter((beginning) => {
      const one = { ...some, commands: [beginning] };
      return !commandsOf(some.page).some((command) => isAmong(one, some.page, command));
    });
    assert.deepEqual(idle, [], some.page);
  }
  for (const { why } of UNTYPED_COMMANDS) {
    const [named] = /test\/[\w/.-]+\.ts/.exec(why) ?? [];
    assert.ok(named === undefined || existsSync(path.join(projectRoot(), named)), named);
  }
});

test('commands of coffer on any page, and in the help, name commands and options that there are', async () => {
  const written = pages.flatMap((page) => commandsOf(page).map(({ command }) => command));
  const examples = (await helps()).flatMap(({ text }) =>
    text.split('\n').filter((line) => line.startsWith('  ')),
  );
  const all = await verbs();
  const calls = [...written, ...examples].flatMap((text) =>
    Array.from(text.matchAll(/docker coffer ([a-z][^|;>&#()]*)/g), ([, words = '']) => words.trim()),
  );
  for (const words of calls) {
    const [own = ''] = words.split(' -- ');
    const args = own.split(/\s+/).map((word) => word.replaceAll(/["']/g, ''));
    const verb = await verbOf(args);
    const command = all.find((one) => one.words === verb)?.command;
    assert.ok(
      command !== undefined || verb !== undefined,
      `docker coffer ${words}: there is no such command`,
    );
    const known = new Set(command?.options.flatMap(({ long, short }) => [long, short]));
    const unknown = args.filter((arg) => /^--?[a-z]/.test(arg) && !known.has(arg.split('=')[0]));
    assert.deepEqual(
      unknown.filter((arg) => !['--help', '--version'].includes(arg)),
      [],
      `docker coffer ${words}`,
    );
  }
  assert.ok(calls.length > 200, 'the commands are found');
});

test('docs/README.md leads to every page, and no page leads to one that is not there', () => {
  const linksOf = (page: string): readonly string[] =>
    Array.from(
      readFileSync(path.join(projectRoot(), page), 'utf8').matchAll(/\]\(([^)#\s]+\.md)(?:#[^)]*)?\)/g),
      ([, target = '']) => target,
    )
      .filter((target) => !target.includes('://'))
      .map((target) => path.join(path.dirname(page), target));
  const index = new Set(linksOf('docs/README.md'));
  const missing = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  assert.deepEqual(
    missing.filter((page) => !index.has(page)),
    [],
    'name it in docs/README.md',
  );
  const dead = pages.flatMap((page) =>
    linksOf(page)
      .filter((target) => !existsSync(path.join(projectRoot(), target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(dead, []);
});
