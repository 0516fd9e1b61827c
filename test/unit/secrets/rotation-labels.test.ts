// SPDX-License-Identifier: Apache-2.0
// The labels by which a secret is rotated by itself, wherever they are set.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import { checkLabels, type Labels, rotationLabels } from '../../../src/secrets/index.ts';
import { put, refusal, State } from './rules-harness.ts';

const labels = (rotate: string, more: Labels = { 'coffer.generate': 'hex:32' }): Labels => ({
  'coffer.rotate': rotate,
  ...more,
});

describe('the labels of a secret that is rotated by itself', () => {
  test('say how old its value gets, and what the next one is made from', () => {
    assert.equal(rotationLabels({ 'coffer.generate': 'uuid', other: 'x' }), undefined);
    for (const [text, every_ms] of [
      ['1h', 3_600_000],
      ['90m', 5_400_000],
      ['30d', 30 * 86_400_000],
      ['1d12h', 36 * 3_600_000],
      ['3650d', 3_650 * 86_400_000],
    ] as const) {
      assert.deepEqual(rotationLabels(labels(text)), { every_ms, specification: 'hex:32' });
      checkLabels(labels(text));
    }
  });

  for (const [what, wrong, why] of [
    [
      'no word of what is made',
      labels('30d', {}),
      /^label coffer.rotate needs label coffer.generate, which says/,
    ],
    [
      'a made value that there is not',
      labels('30d', { 'coffer.generate': 'rsa:2048' }),
      /^cannot generate from "rsa:2048"$/,
    ],
    ['one, without any rotation', { 'coffer.generate': 'rsa:2048' }, /^cannot generate from "rsa:2048"$/],
    ['no duration', labels(''), /^label coffer.rotate is how old a value gets, 1h to 3650d, not ""$/],
    ['a number without a unit', labels('30'), /1h to 3650d, not "30"$/],
    ['less than an hour', labels('59m'), /1h to 3650d, not "59m"$/],
    ['more than ten years', labels('3651d'), /1h to 3650d, not "3651d"$/],
    ['a word', labels('monthly'), /1h to 3650d, not "monthly"$/],
    [
      'no version to go back to',
      labels('30d', { 'coffer.generate': 'uuid', 'coffer.keep': '1' }),
      /^label coffer.rotate needs a version to go back to: coffer.keep is 2 or more$/,
    ],
  ] as const) {
    test(`are refused with ${what}`, () => {
      assert.throws(
        () => checkLabels(wrong),
        (error) =>
          error instanceof CofferError && error.code === 'secret.label-invalid' && why.test(error.detail),
      );
      const state = new State();
      assert.equal(refusal(state.apply(put('db', 'value', { labels: wrong }))), 'secret.label-invalid');
    });
  }
});
