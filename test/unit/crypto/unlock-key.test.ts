// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { formatUnlockKey, newUnlockKey, parseUnlockKey, unlockKeyId } from '../../../src/crypto/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function refusalOf(text: string): string {
  try {
    parseUnlockKey(Buffer.from(text));
  } catch (thrown) {
    assert.ok(thrown instanceof CofferError && thrown.code === 'unlock.key-invalid', String(thrown));
    for (const group of text.split('-').filter((one) => one.length === 4)) {
      assert.ok(!`${thrown.message} ${thrown.hint}`.includes(group), 'no piece of the key is quoted');
    }
    return thrown.detail;
  }
  return assert.fail('it was read');
}

describe('A38 the text of an unlock key', () => {
  const random = new SeededRandom();
  const key = newUnlockKey((size) => random.bytes(size));
  const text = formatUnlockKey(key).toString();

  test('has a prefix and fourteen groups of four, and gives the key back', () => {
    assert.match(text, /^COFFER-UNLOCK-1(-[0-9A-HJKMNP-TV-Z]{4}){14}$/);
    for (let round = 0; round < 200; round += 1) {
      const other = newUnlockKey();
      assert.ok(parseUnlockKey(formatUnlockKey(other)).equals(other));
      assert.ok(!other.equals(key));
    }
  });

  test('is read however it was typed: in small letters, without hyphens, in lines, with letters for digits', () => {
    const typed = [
      text.toLowerCase(),
      text.replaceAll('-', ''),
      text.replaceAll('-', ' '),
      ` \t${text.replaceAll('-', '-\r\n')}\n\n`,
      text.replaceAll('1', 'l').replaceAll('0', 'o'),
      text.replaceAll('1', 'I').replaceAll('0', 'O'),
    ];
    for (const form of typed) {
      assert.ok(parseUnlockKey(Buffer.from(form)).equals(key));
    }
  });

  test('with any one character altered is refused', () => {
    let altered = 0;
    for (let at = 'COFFER-UNLOCK-1-'.length; at < text.length; at += 1) {
      for (const character of ALPHABET) {
        if (text[at] !== '-' && text[at] !== character) {
          assert.equal(
            refusalOf(text.slice(0, at) + character + text.slice(at + 1)),
            'a character of this unlock key is wrong',
          );
          altered += 1;
        }
      }
    }
    assert.equal(altered, 56 * 31);
  });

  test('with two neighbours changed for one another is refused', () => {
    const characters = text.slice('COFFER-UNLOCK-1-'.length).replaceAll('-', '').split('');
    for (let at = 1; at < characters.length; at += 1) {
      const [before = '', after = ''] = characters.slice(at - 1, at + 1);
      if (before !== after) {
        refusalOf(
          `COFFER-UNLOCK-1-${characters
            .with(at - 1, after)
            .with(at, before)
            .join('')}`,
        );
      }
    }
  });

  test('is refused with a wrong prefix, a wrong length, a surplus or a strange character, which the sentence says', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['', /begins with COFFER-UNLOCK-1-/],
      [text.replace('COFFER-UNLOCK-1-', ''), /begins with/],
      [text.replace('UNLOCK-1', 'UNLOCK-2'), /begins with/],
      [text.replace('COFFER', 'SWMKEY'), /begins with/],
      ['COFFER-UNLOCK-1-', /too long or too short/],
      [text.slice(0, -1), /too long or too short/],
      [`${text}0`, /too long or too short/],
      [`${text}=`, /too long or too short/],
      [text + text, /too long or too short/],
      [text + '0'.repeat(10_000), /too long or too short/],
      [`${text.slice(0, -1)}U`, /character in this unlock key that none has/],
      [`${text.slice(0, -1)}*`, /character in this unlock key that none has/],
    ];
    for (const [form, sentence] of wrong) {
      assert.match(refusalOf(form), sentence);
    }
  });

  test('is named by an id that another key does not have', () => {
    assert.match(unlockKeyId(key), /^[0-9a-f]{16}$/);
    assert.equal(unlockKeyId(parseUnlockKey(Buffer.from(text))), unlockKeyId(key));
    assert.notEqual(unlockKeyId(newUnlockKey()), unlockKeyId(key));
  });
});
