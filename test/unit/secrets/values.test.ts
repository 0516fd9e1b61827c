// SPDX-License-Identifier: Apache-2.0
// What is a name, a value, a set of labels and an id, and the values that coffer makes by itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  checkLabels,
  checkName,
  checkValueSize,
  generateValue,
  isSecretName,
  LABELS_BYTES_MAX,
  nameKey,
  newSecretId,
} from '../../../src/secrets/index.ts';

// The lists of swarmkit's TestValidateSecretSpec (manager/controlapi/secret_test.go), and more of the same kind.
const BAD_NAMES = [
  '',
  '.',
  '-',
  '_',
  '.name',
  '-name',
  '_name',
  'name.',
  'name-',
  'name_',
  '/',
  '/name',
  'name/',
  'na/me',
  '..',
  '../name',
  'name/..',
  ' ',
  'na me',
  ' name',
  'name ',
  'name\n',
  '\nname',
  'na\0me',
  '@',
  'name@',
  ':',
  'na:me',
  ';',
  '!',
  '☃',
  'n☃me',
  'ａ',
  'a'.repeat(65),
  '-'.repeat(64),
];
const GOOD_NAMES = [
  'a',
  '0',
  'Z',
  'name',
  'na.me',
  'na--me',
  'na..me',
  'na__me',
  'n-_.m',
  '0-9',
  'a'.repeat(64),
  `a${'.'.repeat(62)}b`,
];

describe('what Swarm would take', () => {
  for (const name of BAD_NAMES) {
    test(`the name ${JSON.stringify(name)} is refused`, () => {
      assert.equal(isSecretName(name), false);
      assert.throws(() => checkName(name), { code: 'secret.name-invalid' });
    });
  }
  for (const name of GOOD_NAMES) {
    test(`the name ${JSON.stringify(name)} is taken`, () => {
      assert.equal(isSecretName(name), true);
      checkName(name);
    });
  }
  test('a long name is judged at once', () => {
    assert.equal(isSecretName(`${'a-'.repeat(1_000_000)}!`), false);
  });

  test('a value has 1 to 511,999 bytes', () => {
    for (const size of [1, 511_999]) {
      checkValueSize(size);
    }
    for (const size of [0, 512_000, 1e9]) {
      assert.throws(() => checkValueSize(size), { code: 'secret.value-size' });
    }
  });

  test('labels are counted by their bytes in UTF-8', () => {
    checkLabels({});
    checkLabels({ k: 'v'.repeat(LABELS_BYTES_MAX - 1) });
    assert.throws(() => checkLabels({ kk: 'v'.repeat(LABELS_BYTES_MAX - 1) }), {
      code: 'secret.label-invalid',
    });
    assert.throws(() => checkLabels({ k: '☃'.repeat(LABELS_BYTES_MAX / 2) }), {
      code: 'secret.label-invalid',
    });
  });

  test('names are one without regard to case', () => {
    assert.equal(nameKey('NaMe-1'), nameKey('nAmE-1'));
  });
});

describe('a new id', () => {
  test('has 25 characters of base 36, whatever the randomness', () => {
    for (const fill of [0x00, 0x01, 0x80, 0xff]) {
      assert.match(
        newSecretId((size) => Buffer.alloc(size, fill)),
        /^[0-9a-z]{25}$/,
      );
    }
    const ids = Array.from({ length: 1_000 }, () => newSecretId());
    assert.equal(new Set(ids).size, ids.length);
  });
});

describe('a value that coffer makes', () => {
  const text = (specification: string): string => generateValue(specification).expose().toString('latin1');

  for (const [specification, pattern] of [
    ['hex:32', /^[0-9a-f]{64}$/],
    ['hex:1', /^[0-9a-f]{2}$/],
    ['base64:32', /^[A-Za-z0-9+/]{43}=$/],
    ['base64:3', /^[A-Za-z0-9+/]{4}$/],
    ['password:24', /^[\w.+=-]{24}$/],
    ['password:1', /^[\w.+=-]$/],
    ['uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
  ] as const) {
    test(`from ${specification} has that form, and is another each time`, () => {
      assert.match(text(specification), pattern);
      const several = Array.from({ length: 30 }, () => text(specification));
      assert.ok(new Set(several).size > 1);
    });
  }

  for (const specification of [
    '',
    'hex',
    'hex:',
    'hex:0',
    'hex:-1',
    'hex:1.5',
    'hex:01',
    'hex:1e3',
    ' hex:32',
    'hex:32 ',
    'hex:32\n',
    'HEX:32',
    'hex:9999999',
    'base64:0',
    'password:0',
    'uuid:1',
    'uuid4',
    'rsa:2048',
    '__proto__:1',
    'hex:32,base64:32',
    'hex:256000',
    'password:512000',
    'base64:384000',
    'x'.repeat(10_000),
  ]) {
    test(`from ${JSON.stringify(specification.slice(0, 40))} is refused`, () => {
      assert.throws(
        () => generateValue(specification),
        (error: { code: string; message: string }) => {
          assert.equal(error.code, 'secret.label-invalid');
          assert.ok(error.message.length < 300, 'it does not repeat all that was sent');
          return true;
        },
      );
    });
  }

  test('may be as large as a value', () => {
    assert.equal(generateValue('password:511999').byteLength, 511_999);
    assert.equal(generateValue('hex:255999').byteLength, 511_998);
  });

  test('as a password draws all its characters evenly', () => {
    const counts = new Map<string, number>();
    const drawn = 310_000;
    for (const character of text(`password:${drawn}`)) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    assert.equal(counts.size, 62);
    assert.ok(
      !Array.from('0O1lI$`"\'\\ ').some((character) => counts.has(character)),
      'none that is misread, none for a shell',
    );
    // Each is expected 5,000 times with a standard deviation of 70: eight of them are beyond chance.
    for (const [character, count] of counts) {
      assert.ok(Math.abs(count - drawn / 62) < 560, `${character} came ${count} times`);
    }
  });
});
