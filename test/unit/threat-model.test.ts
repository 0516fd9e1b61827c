// SPDX-License-Identifier: Apache-2.0
// docs/threat-model.md names a test for each promise: they are all there, by the very names.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../support/project.ts';

const root = projectRoot();
const text = readFileSync(path.join(root, 'docs', 'threat-model.md'), 'utf8');

/** `test/FILE.ts` > `name of a test` */
const CITATION = /`(test\/[\w./-]+\.ts)` > `([^`]+)`/g;

/** The names of the tests of a file, as its source has them. */
function testsOf(file: string): ReadonlySet<string> {
  const source = readFileSync(path.join(root, file), 'utf8');
  const calls = source.matchAll(/\b(?:test|it)\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g);
  return new Set([...calls].map(([, , name = '']) => name.replaceAll('\\', '')));
}

/** The rows of all tables that have a column "test", without their heads. */
function promises(): readonly string[] {
  return text
    .split(/\n\n/)
    .filter((block) => /^\|[^\n]*\| test +\|\n/.test(block))
    .flatMap((block) => block.split('\n').slice(2))
    .filter((row) => row !== '');
}

test('each promise has a test, and each test that is named is there', () => {
  const rows = promises();
  assert.ok(rows.length > 60, `${rows.length} promises`);
  assert.deepEqual(
    rows.filter((row) => [...row.matchAll(CITATION)].length === 0),
    [],
  );
  const missing = [...text.matchAll(CITATION)].flatMap(([citation, file = '', name = '']) =>
    existsSync(path.join(root, file)) && testsOf(file).has(name) ? [] : [citation],
  );
  assert.deepEqual(missing, []);
});

test('wherever something is promised, it is said what is not', () => {
  const sections = text.split(/^## /m).filter((section) => /\| test +\|\n/.test(section));
  assert.ok(sections.length > 10);
  assert.deepEqual(
    sections.filter((section) => !/^Not promised: /m.test(section)).map((section) => section.split('\n')[0]),
    [],
  );
});

test('each piece of the source and each page that is named is there', () => {
  const named = [...text.matchAll(/`((?:src|test|plugin)\/[\w./-]+)`/g)].map(([, place = '']) => place);
  const linked = [...text.matchAll(/\]\(([\w./-]+\.md)(?:#[\w-]+)?\)/g)].map(([, page = '']) =>
    path.join('docs', page),
  );
  assert.ok(named.length > 0 && linked.length > 0);
  assert.deepEqual(
    [...named, ...linked].filter((place) => !existsSync(path.join(root, place))),
    [],
  );
});
