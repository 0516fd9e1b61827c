// SPDX-License-Identifier: Apache-2.0
// Whether a manager may go on alone, whoever of the others answers, and how far their logs are.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compareEntries,
  type SurvivorSituation,
  survivorRefusal,
} from '../../../src/cluster/survivor-decision.ts';
import type { SurvivorDescription } from '../../../src/cluster/survivor-model.ts';

/**
 * A cluster in words, the deciding manager first: `a 3.40, b silent, c told 3.39, d unready, learner e 3.40`. An entry
 * alone stands for an answer.
 */
function situation(words: string, over: Partial<SurvivorSituation> = {}): SurvivorSituation {
  const managers = words.split(', ').map((text, place): SurvivorDescription => {
    const [learner, name = '', first = '', second = ''] =
      /^(learner )?(\w+) (\S+)(?: (\S+))?$/.exec(text)?.slice(1) ?? assert.fail(text);
    const [term, index] = (second === '' ? first : second).split('.').map(Number);
    const state = (['silent', 'unready', 'told'] as const).find((one) => one === first) ?? 'answers';
    return {
      id: `id-${name}`,
      hostname: name,
      address: `${name}.example:7373`,
      self: place === 0,
      voter: learner === undefined,
      state,
      lastEntry:
        term === undefined || index === undefined || Number.isNaN(term) ? undefined : { term, index },
      ...(state === 'unready' && { problem: 'it is starting' }),
    };
  });
  const voters = managers.filter(({ voter }) => voter).map(({ id }) => id);
  return { managers, electorates: [voters], complete: true, othersAreGone: true, ...over };
}

/** The code, the sentence and the hint of the refusal; `goes on` without one. */
function decided(given: SurvivorSituation): string {
  const refusal = survivorRefusal(given);
  assert.ok(refusal === undefined || refusal.hint !== undefined, 'a refusal says what to do');
  return refusal === undefined ? 'goes on' : `${refusal.code}: ${refusal.detail}. ${refusal.hint ?? ''}`;
}

const TABLE: readonly (readonly [words: string, decision: RegExp])[] = [
  ['a 3.40, b silent, c silent', /^goes on$/],
  ['a 3.40, b silent', /^goes on$/],
  ['a 3.40, b silent, c silent, d silent, e silent', /^goes on$/],
  ['a 3.40, b 3.40, c silent', /^cluster\.not-lost: 2 of 3 managers answer.*Let them elect a leader/],
  ['a 3.40, b 3.12, c silent', /^cluster\.not-lost: 2 of 3 managers answer/],
  ['a 3.40, b 3.39, c silent, d silent', /^goes on$/],
  ['a 3.40, b 3.40, c silent, d silent, e silent', /^goes on$/],
  [
    'a 3.40, b 3.41, c silent, d silent, e silent',
    /^cluster\.survivor: .*ahead of this one \(3\.41, and here 3\.40\).*Run it on b \(b\.example:7373\)/,
  ],
  ['a 3.40, b 4.12, c silent, d silent, e silent', /^cluster\.survivor: .*Run it on b /],
  ['a 4.12, b 3.40, c silent, d silent, e silent', /^goes on$/],
  ['a 3.40, b told 3.41, c silent, d silent, e silent', /^cluster\.survivor: .*Run it on b /],
  ['a 3.40, b told 3.39, c silent, d silent, e silent', /^goes on$/],
  [
    'a 3.40, b 3.40, c told 3.40, d silent, e silent',
    /^cluster\.not-lost: 3 of 5 managers are there.*though c \(c\.example:7373\) cannot be asked/,
  ],
  ['a 3.40, b unready, c silent', /^cluster\.not-lost: 2 of 3 managers are there.*b .*cannot be asked/],
  [
    'a 3.40, b unready, c silent, d silent, e silent',
    /^cluster\.survivor: b .*does not say where its log ends: it is starting.*stop it/,
  ],
  ['learner a 3.40, b silent, c silent', /^cluster\.survivor: .*does not vote yet/],
  ['learner a 3.40, b 3.40, c silent, d silent', /^cluster\.survivor: .*does not vote yet/],
  // A learner's vote makes no majority, and it cannot go on itself.
  ['a 3.40, b silent, c silent, learner d 3.41', /^goes on$/],
];

describe('a manager that is to go on alone', () => {
  for (const [words, decision] of TABLE) {
    test(`${words}: ${decision.source}`, () => assert.match(decided(situation(words)), decision));
  }

  test('waits for somebody to say that the others are gone', () => {
    const given = situation('a 3.40, b silent, c silent', { othersAreGone: false });
    assert.match(decided(given), /^cluster\.not-lost: nobody has said .*b \(b.*, c \(c.*--others-are-gone$/);
  });

  test('says the other reasons first, which no word of an administrator undoes', () => {
    for (const words of ['a 3.40, b 3.40, c silent', 'a 3.40, b 3.41, c silent, d silent, e silent']) {
      assert.equal(
        decided(situation(words, { othersAreGone: false })),
        decided(situation(words, { othersAreGone: true })),
      );
    }
  });

  test('has once had everything', () => {
    const given = situation('a 3.40, b silent, c silent', { complete: false });
    assert.match(decided(given), /^cluster\.survivor: .*never had all secrets.*restore a backup/);
  });

  test('needs the majority of one electorate to be lost while the membership changes', () => {
    const words = 'a 3.40, b 3.40, c silent, d silent';
    const joint = (...electorates: readonly (readonly string[])[]): string =>
      decided(situation(words, { electorates }));
    assert.match(joint(['id-a', 'id-b', 'id-c'], ['id-a', 'id-b', 'id-d']), /^cluster\.not-lost/);
    assert.equal(joint(['id-a', 'id-b', 'id-c'], ['id-a', 'id-c', 'id-d']), 'goes on');
  });
});

test('of two logs the later term is ahead, and of one term the longer one', () => {
  const entries = [
    { term: 3, index: 40 },
    { term: 2, index: 90 },
    { term: 3, index: 41 },
  ];
  assert.deepEqual(
    entries.sort(compareEntries).map(({ index }) => index),
    [90, 40, 41],
  );
});
