// SPDX-License-Identifier: Apache-2.0
// Files of variables, as Compose reads them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandError } from '../../../src/cli/command-error.ts';
import { readEnvFile } from '../../../src/cli/env-file.ts';

const READ: readonly (readonly [text: string, found: Readonly<Record<string, string>>])[] = [
  ['A=1', { A: '1' }],
  ['A=1\nB=2\n', { A: '1', B: '2' }],
  ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
  ['\uFEFFA=1', { A: '1' }],
  ['\n\n# a comment\n  # another\nA=1', { A: '1' }],
  ['export A=1\nexport\tB=2', { A: '1', B: '2' }],
  ['  A =  1  ', { A: '1' }],
  ['A=', { A: '' }],
  ['A=# nothing', { A: '# nothing' }],
  ['A= # nothing', { A: '' }],
  ['A=a b  c', { A: 'a b  c' }],
  ['A=1 # one', { A: '1' }],
  ['A=1#one', { A: '1#one' }],
  ['A=x=y==', { A: 'x=y==' }],
  ['A=it\'s "so"', { A: 'it\'s "so"' }],
  ["A='1 # one'", { A: '1 # one' }],
  ["A='$HOME ${HOME} $$'", { A: '$HOME ${HOME} $$' }],
  ["A='a\\nb'", { A: 'a\\nb' }],
  ["A='let\\'s go'", { A: "let's go" }],
  ['A="1 # one" # two', { A: '1 # one' }],
  ['A="a\\nb\\tc\\rd"', { A: 'a\nb\tc\rd' }],
  ['A="say \\"so\\" \\\\ \\$HOME"', { A: 'say "so" \\ $HOME' }],
  ['A="a\\qb"', { A: 'a\\qb' }],
  ['A="one\ntwo"\nB=3', { A: 'one\ntwo', B: '3' }],
  ["A='one\ntwo'\nB=3", { A: 'one\ntwo', B: '3' }],
  ['A=""\nB=\'\'', { A: '', B: '' }],
  ['A=5$ or $5', { A: '5$ or $5' }],
  ['A=pässwörd€', { A: 'pässwörd€' }],
  ['A=1\nB=2\nA=3', { B: '2', A: '3' }],
  ['a.b-c_1=1', { 'a.b-c_1': '1' }],
  ['', {}],
  ['# only this', {}],
];

for (const [text, found] of READ) {
  test(`${JSON.stringify(text)} is read`, () => {
    const bytes = Buffer.from(text);
    const entries = readEnvFile(bytes).map(({ key, value }) => [key, value.toString()]);
    assert.deepEqual(entries, Object.entries(found));
    assert.equal(bytes.toString(), text, "the file's bytes stay the caller's");
  });
}

test('bytes that are no text come as they are', () => {
  const bytes = Buffer.from([0x41, 0x3d, 0xff, 0x00, 0xfe, 0x0a]);
  assert.deepEqual([...(readEnvFile(bytes)[0]?.value ?? [])], [0xff, 0x00, 0xfe]);
});

test('each entry has the line that it begins in', () => {
  const entries = readEnvFile(Buffer.from('\nA="x\ny"\n# c\nB=1'));
  assert.deepEqual(
    entries.map(({ key, line }) => `${key} ${line}`),
    ['A 2', 'B 5'],
  );
});

const WRONG: readonly (readonly [text: string, says: string])[] = [
  ['A=1\nhunter2', 'line 2 of the file is not KEY=VALUE'],
  ['=hunter2', 'line 1 of the file does not begin with a name'],
  ['my key=hunter2', 'line 1 of the file does not begin with a name'],
  ['A="hunter2\nB=1', 'line 1 of the file has a quote that is not closed'],
  ["A='hunter2", 'line 1 of the file has a quote that is not closed'],
  ['A="hunter2"x', 'line 1 of the file has something behind its closing quote'],
  ['A="x\ny" hunter2', 'line 2 of the file has something behind its closing quote'],
  ['A=$hunter2', 'line 1 of the file has a $ that Compose would fill something in for'],
  ['A=${hunter2}', 'line 1 of the file has a $ that Compose'],
  ['A="x\n$hunter2"', 'line 2 of the file has a $ that Compose'],
];

for (const [text, says] of WRONG) {
  test(`${JSON.stringify(text)} is refused, without a word of what stands there`, () => {
    assert.throws(
      () => readEnvFile(Buffer.from(text)),
      (error) =>
        error instanceof CommandError &&
        error.exitCode === 1 &&
        error.message.startsWith(says) &&
        !`${error.message} ${error.hint ?? ''}`.includes('hunter2'),
    );
  });
}
