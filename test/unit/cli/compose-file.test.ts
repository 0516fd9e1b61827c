// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandError } from '../../../src/cli/command-error.ts';
import { readComposeFile } from '../../../src/cli/compose-file.ts';

const READ: readonly (readonly [what: string, text: string, found: readonly string[]])[] = [
  ['a file', 'secrets:\n  db:\n    file: ./db.txt\n', ['db file ./db.txt']],
  ['a flow mapping', 'secrets: {db: {file: "a b"}}', ['db file a b']],
  ['a variable', 'secrets: {db: {environment: DB}}', ['db environment DB']],
  ['a name of its own', 'secrets: {db: {file: x, name: shop_db}}', ['db (shop_db) file x']],
  ['several, in order', 'secrets: {b: {file: x}, a: {file: y}}', ['b file x', 'a file y']],
  [
    'an external one',
    'secrets: {db: {external: true}}',
    ['db: it is external: the file does not say what it is'],
  ],
  [
    'an external one of old',
    'secrets: {db: {external: {name: x}}}',
    ['db: it is external: the file does not say what it is'],
  ],
  ['one that is not external', 'secrets: {db: {file: x, external: false}}', ['db file x']],
  ['one with a driver', 'secrets: {db: {driver: coffer}}', ['db: its value is with the driver coffer']],
  ['one without anything', 'secrets: {db: }', ['db: the file names no place of its value']],
  [
    'a path with a variable',
    'secrets: {db: {file: "${D}/x"}}',
    ['db: the path of its file is filled in from variables'],
  ],
  ['an anchor', 'x: &f {file: y}\nsecrets:\n  db: *f', ['db file y']],
  ['a merge', 'x-f: &f {file: y}\nservices: {}\nsecrets:\n  db:\n    <<: *f', ['db file y']],
  ['no secrets', 'services: {}', []],
  ['nothing of them', 'secrets:\n', []],
];

for (const [what, text, found] of READ) {
  test(`${what} is read`, () => {
    const read = readComposeFile(text).map(({ key, name, source }) => {
      const called = name === undefined ? key : `${key} (${name})`;
      if (source.kind === 'elsewhere') {
        return `${called}: ${source.why}`;
      }
      const where = source.kind === 'file' ? source.path : source.variable;
      return `${called} ${source.kind} ${where}`;
    });
    assert.deepEqual(read, found);
  });
}

const BOMB = [
  'a: &a [x,x,x,x,x,x,x,x,x]',
  'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
  'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
];
const WRONG: readonly (readonly [what: string, text: string, says: RegExp])[] = [
  ['what is not YAML', 'services: {}\nsecrets: {a: [}', /^line 2 of the file is not YAML: /],
  ['a list', '- a\n- b', /^the file is not one of Compose/],
  ['nothing', '', /^the file is not one of Compose/],
  ['a list of secrets', 'secrets: [a, b]', /^the file is not one of Compose/],
  ['a secret that is a word', 'secrets: {a: hunter2}', /^the file is not one of Compose/],
  ['a path that is a number', 'secrets: {a: {file: 5}}', /^the file is not one of Compose/],
  [
    'aliases upon aliases',
    [...BOMB, 'd: [*c,*c,*c,*c,*c]', 'secrets: {}'].join('\n'),
    /an alias that cannot be followed/,
  ],
];

for (const [what, text, says] of WRONG) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => readComposeFile(text),
      (error) => error instanceof CommandError && error.exitCode === 1 && says.test(error.message),
    );
  });
}
