// SPDX-License-Identifier: Apache-2.0
// What a volume's name and options say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CofferError } from '../../../src/common/index.ts';
import type { VolumeFile } from '../../../src/distribution/volume-model.ts';
import { parseVolume } from '../../../src/distribution/volume-spec.ts';
import { assertProperty } from '../../support/property.ts';

type Options = Readonly<Record<string, string>>;

const DB: VolumeFile = { secret: 'db', file: 'db', uid: 0, gid: 0, mode: 0o444 };

const TAKEN: readonly (readonly [string, string, Options, readonly VolumeFile[]])[] = [
  ['no options: the secret of the volume’s name', 'db', {}, [DB]],
  ['one secret', 'volume', { secret: 'db' }, [DB]],
  ['another file', 'volume', { secret: 'db:password.txt' }, [{ ...DB, file: 'password.txt' }]],
  ['another mode', 'volume', { secret: 'db:db:0400' }, [{ ...DB, mode: 0o400 }]],
  ['a mode of three digits', 'volume', { secret: 'db:db:440' }, [{ ...DB, mode: 0o440 }]],
  ['commas', 'volume', { secrets: 'db,api' }, [DB, { ...DB, secret: 'api', file: 'api' }]],
  [
    'blanks, line ends and commas in a row',
    'volume',
    { secrets: ' db ,\n api:key:0000 ' },
    [DB, { ...DB, secret: 'api', file: 'key', mode: 0 }],
  ],
  [
    'both options together',
    'volume',
    { secret: 'db', secrets: 'api' },
    [DB, { ...DB, secret: 'api', file: 'api' }],
  ],
  ['one secret in two files', 'volume', { secrets: 'db db:copy' }, [DB, { ...DB, file: 'copy' }]],
  [
    'names that differ in case alone',
    'volume',
    { secrets: 'db DB' },
    [DB, { ...DB, secret: 'DB', file: 'DB' }],
  ],
  ['an owner', 'db', { uid: '1000', gid: '4294967294' }, [{ ...DB, uid: 1000, gid: 4_294_967_294 }]],
  [
    'a mode for all, and another for one',
    'volume',
    { secrets: 'db api:api:0440', mode: '0400' },
    [
      { ...DB, mode: 0o400 },
      { ...DB, secret: 'api', file: 'api', mode: 0o440 },
    ],
  ],
];

test('a volume’s name and options are read', () => {
  for (const [what, name, options, files] of TAKEN) {
    assert.deepEqual(parseVolume(name, options).files, files, what);
  }
});

const many = (count: number): string => Array.from({ length: count }, (_, at) => `s${at}`).join(',');

const REFUSED: readonly (readonly [string, string, Options, RegExp, RegExp])[] = [
  [
    'an option that is near one',
    'db',
    { secert: 'x' },
    /no option "secert".*secret, secrets, uid, gid, mode/,
    /Write secret/,
  ],
  ['an option in capitals', 'db', { UID: '1' }, /no option "UID"/, /Write uid/],
  ['an option like none', 'db', { device: 'tmpfs' }, /no option "device"/, /Leave it out/],
  [
    'an option of an object’s own',
    'db',
    JSON.parse('{"__proto__": "x"}') as Options,
    /no option "__proto__"/,
    /Leave/,
  ],
  [
    'an option that does not end',
    'db',
    { ['x'.repeat(10_000)]: '' },
    /no option "x{64}\.\.\."/,
    /Leave it out/,
  ],
  ['two files of one name', 'v', { secrets: 'db,api:db' }, /file 2 .* name of one before/, /NAME:FILE/],
  ['the same secret twice', 'v', { secret: 'db', secrets: 'db' }, /file 2 /, /NAME:FILE/],
  [
    'no secret’s name',
    'v',
    { secrets: 'db,-x' },
    /entry 2 of the option secrets names no secret/,
    /NAME:FILE:MODE/,
  ],
  ['a name that is too long', 'v', { secret: 'x'.repeat(65) }, /option secret names no secret/, /NAME/],
  ['an empty secret', 'v', { secret: '' }, /option secret names no secret/, /NAME/],
  ['empty secrets', 'v', { secrets: ' , ' }, /option secrets names no secret/, /commas/],
  ['a volume’s name that is none', '_db', {}, /its own name is not one/, /secret=NAME/],
  ['no name', '', {}, /its own name is not one/, /secret=NAME/],
  ['too many parts', 'v', { secret: 'db:db:0400:x' }, /more than three parts/, /NAME:FILE:MODE/],
  ['a slash', 'v', { secret: 'db:a/b' }, /slash/, /plain name/],
  ['the directory', 'v', { secret: 'db:.' }, /no name that a file can have/, /plain name/],
  ['the directory above', 'v', { secret: 'db:..' }, /no name that a file can have/, /plain name/],
  ['an empty file', 'v', { secret: 'db:' }, /no name that a file can have/, /plain name/],
  [
    'a file of 256 bytes',
    'v',
    { secret: `db:${'ä'.repeat(128)}` },
    /no name that a file can have/,
    /plain name/,
  ],
  ['a NUL', 'v', { secret: 'db:a\0b' }, /no name that a file can have/, /plain name/],
  [
    'a mode that is none',
    'v',
    { secret: 'db:db:r--' },
    /the mode in the option secret is not a mode/,
    /0444/,
  ],
  ['a set-user-id bit', 'v', { mode: '4444' }, /the option mode is not a mode/, /0444/],
  ['an empty mode', 'v', { mode: '' }, /the option mode is not a mode/, /0444/],
  ['a writable mode', 'v', { mode: '0644' }, /lets somebody write/, /0444/],
  ['a uid beyond', 'db', { uid: '4294967295' }, /uid is not a whole number from 0 to 4294967294/, /number/],
  ['a gid by name', 'db', { gid: 'staff' }, /gid is not a whole number/, /number/],
  ['a negative uid', 'db', { uid: '-1' }, /uid is not a whole number/, /number/],
  ['an empty uid', 'db', { uid: '' }, /uid is not a whole number/, /number/],
  ['101 files', 'v', { secrets: many(101) }, /more than 100 files/, /several volumes/],
];

test('options that say nothing clear are refused, with what to write instead', () => {
  for (const [what, name, options, sentence, hint] of REFUSED) {
    assert.throws(
      () => parseVolume(name, options),
      (thrown) => {
        assert.ok(thrown instanceof CofferError, what);
        assert.equal(thrown.code, 'volume.options-invalid', what);
        assert.match(thrown.detail, sentence, what);
        assert.match(thrown.hint ?? '', hint, what);
        return true;
      },
      what,
    );
  }
});

test('a hundred files are taken', () => {
  assert.equal(parseVolume('v', { secrets: many(100) }).files.length, 100);
});

test('what is given as an option’s value is in no refusal', () => {
  const value = 'hunter2/hunter2';
  for (const options of [
    { secret: value },
    { secrets: value },
    { secret: `db:${value}` },
    { mode: value },
    { uid: value },
  ]) {
    assert.throws(
      () => parseVolume('v', options),
      (thrown) => thrown instanceof CofferError && !`${thrown.message}${thrown.hint}`.includes('hunter2'),
    );
  }
});

test('whatever the options are, there are files with names of their own that nobody can write, or a refusal', (t) => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[ab:.,/ 04]{0,12}$/));
  const options = fc.dictionary(fc.constantFrom('secret', 'secrets', 'uid', 'gid', 'mode', 'x'), text);
  assertProperty(
    t,
    2_000,
    fc.property(text, options, (name, given) => {
      try {
        const { files } = parseVolume(name, given);
        assert.ok(files.length > 0 && files.length <= 100);
        assert.equal(new Set(files.map(({ file }) => file)).size, files.length);
        assert.ok(
          files.every(
            ({ file, mode }) => !/^\.{0,2}$|\//.test(file) && (mode & 0o222) === 0 && mode <= 0o777,
          ),
        );
      } catch (thrown) {
        assert.equal(CofferError.from(thrown).code, 'volume.options-invalid');
      }
    }),
  );
});
