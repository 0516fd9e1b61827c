// SPDX-License-Identifier: Apache-2.0
// Which containers a grant is for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { globMatches } from '../../../src/common/index.ts';
import { grantMatches } from '../../../src/distribution/grant-match.ts';
import { assertProperty } from '../../support/property.ts';
import { container, grant } from './facts.ts';

const GLOBS: readonly (readonly [string, string, boolean])[] = [
  ['web', 'web', true],
  ['web', 'Web', false],
  ['web', 'web1', false],
  ['web', 'aweb', false],
  ['web?', 'web1', true],
  ['web?', 'web', false],
  ['web?', 'web12', false],
  ['web*', 'web', true],
  ['web*', 'web-1', true],
  ['*web', 'my-web', true],
  ['*web', 'web-web', true],
  ['*web', 'web-', false],
  ['*-*-*', 'a-b-c', true],
  ['*-*-*', 'a-b', false],
  ['a*b*c', 'aXbYbZc', true],
  ['a*b*c', 'aXcYb', false],
  ['**', '', true],
  ['?', '', false],
  ['*?', 'a', true],
  ['w.b', 'wab', false],
  ['w[ae]b', 'web', false],
  ['web', '', false],
  ['', '', true],
];

test('a star stands for any characters, a question mark for one, and all else for itself', () => {
  for (const [pattern, text, matches] of GLOBS) {
    assert.equal(globMatches(pattern, text), matches, `${pattern} against ${text}`);
  }
});

test('a pattern matches what a regular expression of the same meaning matches', (t) => {
  const pattern = fc.stringMatching(/^[ab*?]{0,12}$/);
  assertProperty(
    t,
    5_000,
    fc.property(pattern, fc.stringMatching(/^[ab]{0,12}$/), (glob, text) => {
      const expression = new RegExp(`^${glob.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
      assert.equal(globMatches(glob, text), expression.test(text));
    }),
  );
});

test('a thousand containers with names made to be slow are held against ten grants in no time', () => {
  const slow: readonly (readonly [string, string])[] = [
    ['web-*', `web-${'a'.repeat(508)}`],
    ['*-db-*', '-d'.repeat(256)],
    [`*${'a'.repeat(60)}b*`, 'a'.repeat(512)],
    [`*b${'a'.repeat(60)}*`, 'a'.repeat(512)],
  ];
  for (const [pattern, text] of slow) {
    const begun_ms = performance.now();
    for (let count = 0; count < 10_000; count += 1) {
      globMatches(pattern, text);
    }
    // Tried character by character, the third takes nine seconds.
    assert.ok(performance.now() - begun_ms < 1_500, pattern);
  }
});

test('a pattern made to be tried again and again ends soon', () => {
  const begun_ms = performance.now();
  assert.equal(globMatches('*a'.repeat(256), `${'a'.repeat(511)}b`), false);
  assert.equal(globMatches(`*${'a'.repeat(255)}b`, 'a'.repeat(512)), false);
  assert.ok(performance.now() - begun_ms < 1_000);
});

const IMAGE_ID = `sha256:${'1'.repeat(64)}`;
const WEB = container({
  name: 'web',
  image: 'registry:5000/web',
  imageId: IMAGE_ID,
  labels: { tier: 'front', empty: '' },
});

const GRANTS: readonly (readonly [string, Parameters<typeof grant>[1], boolean])[] = [
  ['nothing named', {}, true],
  ['the name', { container: 'w*' }, true],
  ['another name', { container: 'db' }, false],
  ['the image', { image: 'registry:5000/web' }, true],
  ['the image with its default tag', { image: 'registry:5000/web:latest' }, true],
  ['the image with another tag', { image: 'registry:5000/web:1' }, false],
  ['a part of the image', { image: 'web' }, false],
  ['an image as a pattern', { image: '*' }, false],
  ['the image’s id', { image: IMAGE_ID }, true],
  ['another id', { image: `sha256:${'2'.repeat(64)}` }, false],
  ['the label', { labels: { tier: 'front' } }, true],
  ['the label with any value', { labels: { tier: '' } }, true],
  ['the label with another value', { labels: { tier: 'back' } }, false],
  ['a label as a pattern', { labels: { tier: '*' } }, false],
  ['a label that is empty', { labels: { empty: '' } }, true],
  ['a label that there is not', { labels: { other: '' } }, false],
  ['a label of an object’s own', { labels: { toString: '' } }, false],
  ['one label of two', { labels: { tier: 'front', other: 'x' } }, false],
  ['all of it', { container: 'web', image: 'registry:5000/web', labels: { tier: 'front' } }, true],
  [
    'all of it but the name',
    { container: 'x', image: 'registry:5000/web', labels: { tier: 'front' } },
    false,
  ],
];

test('all that a grant names must hold, and what it leaves out may be anything', () => {
  for (const [what, rest, matches] of GRANTS) {
    assert.equal(grantMatches(grant('db', rest), WEB), matches, what);
  }
});

test('an image without an id matches by its name alone', () => {
  assert.equal(grantMatches(grant('db', { image: IMAGE_ID }), container({ imageId: '' })), false);
  assert.equal(grantMatches(grant('db', { image: 'nginx:latest' }), container({ image: 'nginx' })), true);
});
