// SPDX-License-Identifier: Apache-2.0
// The rules about versions that are there already.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  checkCommand,
  type DestroyVersions,
  DESTROYED_KEPT,
  hasCurrentValue,
  KEEP_LABEL,
  type Outcome,
  type RollbackSecret,
  type Secret,
  VERSIONS_KEPT,
} from '../../../src/secrets/index.ts';
import { put, refusal, State } from './rules-harness.ts';

/** A secret `db` with versions 1 to `count`, whose values are `value 1` and so on. */
function withVersions(count: number): State {
  const state = new State();
  for (let number = 1; number <= count; number += 1) {
    state.done(put('db', `value ${number}`));
  }
  return state;
}

const rollback = (version: number, more: Partial<RollbackSecret> = {}): RollbackSecret => ({
  kind: 'rollback',
  id: 'id-db',
  version,
  expect: undefined,
  at_ms: 9,
  ...more,
});

const destroy = (...versions: readonly number[]): DestroyVersions => ({
  kind: 'destroy',
  id: 'id-db',
  numbers: versions,
  at_ms: 9,
});

const numbers = ({ versions }: Secret): readonly number[] => versions.map(({ number }) => number);

const sentence = (outcome: Outcome): string =>
  outcome.kind === 'refused' ? `${outcome.error.message} ${outcome.error.hint ?? ''}` : 'applied';

describe('a rollback', () => {
  test('makes a new version with the value of the old one, and leaves that where it is', () => {
    const state = withVersions(3);
    const secret = state.done(rollback(1));
    assert.deepEqual(secret.versions.at(-1), { number: 4, createdAt_ms: 9, size: 7, copyOf: 1 });
    assert.deepEqual([secret.updatedAt_ms, secret.modifiedIndex], [9, 4]);
    assert.deepEqual(
      [1, 2, 3, 4].map((number) => state.values.get(`id-db/${number}`)),
      ['value 1', 'value 2', 'value 3', 'value 1'],
    );
    assert.deepEqual(numbers(state.done(rollback(3))), [1, 2, 3, 4, 5], 'and there is a way back');
    assert.equal(state.values.get('id-db/5'), 'value 3');
  });

  test('to the oldest version keeps its value, though the version itself gives way', () => {
    const state = withVersions(VERSIONS_KEPT);
    const secret = state.done(rollback(1));
    assert.deepEqual([numbers(secret)[0], numbers(secret).length], [2, VERSIONS_KEPT]);
    assert.equal(state.values.get(`id-db/${VERSIONS_KEPT + 1}`), 'value 1');
    assert.equal(state.values.get('id-db/1'), undefined);
  });

  test('remembers which version first had the value, so that who holds that one holds the current value', () => {
    const state = withVersions(3);
    state.done(rollback(1));
    state.done(rollback(2));
    const secret = state.done(rollback(4));
    assert.deepEqual(
      secret.versions.map(({ copyOf }) => copyOf),
      [undefined, undefined, undefined, 1, 2, 1],
    );
    const holders = (of: Secret): readonly boolean[] =>
      [1, 2, 3, 4, 5, 6, 7].map((number) => hasCurrentValue(of, number));
    assert.deepEqual(holders(secret), [true, false, false, true, false, true, false]);
    const later = state.done(destroy(1, 4));
    assert.deepEqual(
      holders(later),
      [true, false, false, false, false, true, false],
      'of 4 nothing is known',
    );
    const put7 = state.done(put('db', 'value 1'));
    assert.deepEqual(holders(put7), [false, false, false, false, false, false, true]);
  });

  test('is refused for what cannot be gone back to, and says what can', () => {
    const state = withVersions(12);
    for (const [command, says] of [
      [rollback(13), /^\[secret.version-not-found\] secret db has no version 13; it has 3, 4, .*, 12 See/],
      [rollback(1), /^\[secret.version-not-found\] secret db has no version 1; it has 3, 4/],
      [rollback(12), /^\[secret.version-current\] version 12 of secret db is the current one already See/],
      [rollback(4, { expect: 11 }), /^\[secret.version-conflict\] secret db is at version 12, not 11/],
      [rollback(4, { id: 'other' }), /^\[secret.not-found\]/],
    ] as const) {
      assert.match(sentence(state.apply(command)), says);
    }
    assert.equal(refusal(state.apply(rollback(4, { expect: 12 }))), 'applied');
  });

  test('with numbers that are none never comes into the log', () => {
    for (const wrong of [rollback(-1), rollback(1.5), rollback(2 ** 32), rollback(1, { expect: -1 })]) {
      assert.throws(() => checkCommand(wrong), { code: 'request.invalid' });
    }
  });
});

describe('a version that is destroyed', () => {
  test('has no value any more, and stays in the history', () => {
    const state = withVersions(4);
    const secret = state.done(destroy(3, 1, 3));
    assert.deepEqual(numbers(secret), [2, 4]);
    assert.deepEqual(secret.destroyed, [
      { number: 1, createdAt_ms: 1, size: 7, destroyedAt_ms: 9 },
      { number: 3, createdAt_ms: 1, size: 7, destroyedAt_ms: 9 },
    ]);
    assert.deepEqual([secret.updatedAt_ms, secret.modifiedIndex], [9, 5]);
    assert.deepEqual([...state.values.keys()], ['id-db/2', 'id-db/4']);
    assert.equal(state.done(put('db')).versions.at(-1)?.number, 5, 'its number is not used again');
  });

  test('is no error to destroy again, and changes nothing', () => {
    const state = withVersions(3);
    const before = state.done(destroy(1));
    assert.deepEqual(state.done(destroy(1)), before);
    assert.deepEqual(numbers(state.done(destroy(1, 2))), [3]);
  });

  test('leaves room for another one, and is not gone back to', () => {
    const state = withVersions(VERSIONS_KEPT);
    state.done(destroy(5));
    assert.deepEqual(numbers(state.done(put('db')))[0], 1, 'ten have a value');
    assert.match(
      sentence(state.apply(rollback(5))),
      /^\[secret.version-not-found\] version 5 of secret db was destroyed See which versions there are/,
    );
  });

  test(`is remembered with the last ${DESTROYED_KEPT} of them`, () => {
    const state = withVersions(1);
    for (let number = 2; number <= DESTROYED_KEPT + 3; number += 1) {
      state.done(put('db'));
      state.done(destroy(number - 1));
    }
    const remembered = state.index.byName('db')?.destroyed.map(({ number }) => number);
    assert.deepEqual([remembered?.[0], remembered?.length], [3, DESTROYED_KEPT]);
    assert.match(sentence(state.apply(rollback(2))), /has no version 2; it has 13 /);
  });

  test('is never the current one, and a refusal destroys none of those that were named', () => {
    const state = withVersions(3);
    for (const [command, says] of [
      [
        destroy(1, 3),
        /^\[secret.version-current\] version 3 is the current one .* docker coffer rollback db/,
      ],
      [destroy(1, 4), /^\[secret.version-not-found\] secret db has no version 4; it has 1, 2, 3 /],
      [{ ...destroy(1), id: 'other' }, /^\[secret.not-found\]/],
    ] as const) {
      assert.match(sentence(state.apply(command)), says);
    }
    assert.equal(state.values.size, 3);
    const many = Array.from({ length: 21 }, (_, place) => place + 1);
    assert.throws(() => checkCommand(destroy(...many)), { code: 'request.invalid' });
  });
});

describe('how many versions are kept', () => {
  const labels = (keep: string): { readonly [KEEP_LABEL]: string } => ({ [KEEP_LABEL]: keep });

  test('is what the label of the secret says, from its next version on', () => {
    const state = withVersions(5);
    assert.equal(
      state.done({ kind: 'set-labels', id: 'id-db', labels: labels('2'), expectIndex: undefined, at_ms: 1 })
        .versions.length,
      5,
      'a label takes nothing away by itself',
    );
    assert.deepEqual(numbers(state.done(put('db'))), [5, 6]);
    assert.deepEqual(numbers(state.done(rollback(5))), [6, 7]);
    assert.deepEqual([...state.values.keys()], ['id-db/6', 'id-db/7']);
    assert.deepEqual(numbers(state.done(put('db', 'alone', { labels: labels('1') }))), [8]);
    assert.deepEqual(numbers(state.done(put('db', 'more', { labels: {} }))), [8, 9]);
  });

  for (const wrong of ['0', '11', '-1', '1.5', '', 'all', '01', '2 ', '9'.repeat(100)]) {
    test(`is not "${wrong.slice(0, 5)}": the label is refused wherever it is set`, () => {
      const state = withVersions(1);
      for (const command of [
        put('db', 'v', { labels: labels(wrong) }),
        put('new', 'v', { labels: labels(wrong) }),
        { kind: 'set-labels', id: 'id-db', labels: labels(wrong), expectIndex: undefined, at_ms: 1 },
      ] as const) {
        assert.match(
          sentence(state.apply(command)),
          /^\[secret.label-invalid\] label coffer.keep is how many versions are kept, 1 to 10, not "/,
        );
        assert.throws(() => checkCommand(command), { code: 'secret.label-invalid' });
      }
    });
  }

  test('is brought about once by a prune, which leaves the current version and nothing of the others', () => {
    const state = withVersions(6);
    state.done(destroy(2));
    const prune = (keep: number) => ({ kind: 'prune', id: 'id-db', keep, at_ms: 9 }) as const;
    const secret = state.done(prune(3));
    assert.deepEqual(numbers(secret), [4, 5, 6]);
    assert.deepEqual([secret.updatedAt_ms, secret.modifiedIndex], [9, 8]);
    assert.deepEqual(
      secret.destroyed.map(({ number }) => number),
      [2],
    );
    assert.equal(state.done(prune(3)), secret, 'and nothing is left to do');
    assert.deepEqual(numbers(state.done(prune(1))), [6]);
    assert.deepEqual([...state.values.keys()], ['id-db/6']);
    assert.equal(refusal(state.apply({ ...prune(1), id: 'other' })), 'secret.not-found');
    for (const wrong of [0, 11, 1.5]) {
      assert.throws(() => checkCommand(prune(wrong)), { code: 'request.invalid' });
    }
  });
});
