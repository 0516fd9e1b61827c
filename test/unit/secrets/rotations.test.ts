// SPDX-License-Identifier: Apache-2.0
// The rules of rotations: how one begins with a version, goes from service to service, and ends or goes back.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { CofferError } from '../../../src/common/index.ts';
import {
  type RotatedService,
  type RotatedState,
  type RotationMark,
  type RotationObject,
  ROTATIONS_KEPT,
} from '../../../src/membership/index.ts';
import type { Command, RotateSecret } from '../../../src/secrets/index.ts';
import { aRotatedService } from '../../support/cluster-objects.ts';
import { put, State, value } from './rules-harness.ts';

const MARK: RotationMark = { forceUpdate: 5, versionIndex: 40, updateStartedAt: '' };

describe('a rotation', () => {
  let state: State;

  beforeEach(() => {
    state = new State();
    state.done(put('db', 'old'));
  });

  const rotateCommand = (rotationId: string, over: Partial<RotateSecret> = {}): RotateSecret => ({
    kind: 'rotate',
    id: 'id-db',
    rotationId,
    expect: undefined,
    services: [aRotatedService('a'), aRotatedService('b')],
    timeout_ms: 60_000,
    value: value('new'),
    at_ms: 7_000,
    ...over,
  });
  const begin = (rotationId = 'r', over: Partial<RotateSecret> = {}): void => {
    state.done(rotateCommand(rotationId, over));
  };
  const rotation = (id = 'r'): RotationObject => {
    const found = state.index.cluster.rotation(id);
    assert.ok(found !== undefined);
    return found;
  };
  const apply = (command: Command): void => {
    const outcome = state.apply(command);
    if (outcome.kind === 'refused') {
      throw outcome.error;
    }
  };
  const step = (name: string, from: RotatedState, to: RotatedState, mark?: RotationMark): void =>
    apply({ kind: 'step-rotation', id: 'r', serviceId: `id-${name}`, from, to, mark, note: '' });
  const walk = (name: string, ...states: readonly RotatedState[]): void => {
    states.slice(1).forEach((to, at) => step(name, states[at] ?? to, to));
  };
  const end = (): void => apply({ kind: 'end-rotation', id: 'r', at_ms: 9_000 });
  const revert = (restore = true): void =>
    apply({ kind: 'revert-rotation', id: 'r', restore, problem: 'service b is paused', at_ms: 8_000 });
  const versions = (): readonly string[] =>
    (state.index.byName('db')?.versions ?? []).map(({ number }) => state.values.get(`id-db/${number}`) ?? '');
  const refused = (work: () => void, code: string, why: RegExp): void => {
    const before = [state.index.cluster.rotations(), versions()];
    assert.throws(
      work,
      (error) => error instanceof CofferError && error.code === code && why.test(error.detail),
    );
    assert.deepEqual([state.index.cluster.rotations(), versions()], before, 'a refusal changes nothing');
  };

  test('begins with a new version, in one command, and ends when all services have it', () => {
    begin();
    assert.deepEqual(versions(), ['old', 'new']);
    const { fromVersion, phase, secretName, toVersion } = rotation();
    assert.deepEqual([secretName, fromVersion, toVersion, phase], ['db', 1, 2, 'updating']);
    refused(end, 'rotation.refused', /not done with 2 services/);
    step('a', 'waiting', 'updating', MARK);
    const [first] = rotation().services;
    assert.deepEqual([first?.state, first?.forceUpdate, first?.versionIndex], ['updating', 5, 40]);
    step('a', 'updating', 'updated');
    assert.equal(rotation().services[0]?.forceUpdate, 5, 'what was asked for stays known');
    walk('b', 'waiting', 'gone');
    end();
    assert.deepEqual([rotation().phase, rotation().endedAt_ms], ['done', 9_000]);
    refused(end, 'rotation.not-found', /no rotation r is under way/);
  });

  test('without a service that is to be updated has ended with its version', () => {
    begin('r', { services: [aRotatedService('a', { state: 'left-out', note: 'it is pinned' })] });
    assert.deepEqual([rotation().phase, rotation().endedAt_ms, versions()], ['done', 7_000, ['old', 'new']]);
  });

  test('goes back with a version of the value before, and is rolled back when all that were touched are', () => {
    begin();
    walk('a', 'waiting', 'updating', 'updated');
    revert();
    assert.deepEqual(versions(), ['old', 'new', 'old']);
    refused(revert, 'rotation.refused', /goes back already/);
    refused(end, 'rotation.refused', /not done with 1 services/);
    walk('a', 'updated', 'reverting', 'reverted');
    end();
    const { phase, problem, restoredVersion, services } = rotation();
    assert.deepEqual([phase, problem, restoredVersion], ['rolled-back', 'service b is paused', 3]);
    assert.deepEqual(
      services.map((one: RotatedService) => one.state),
      ['reverted', 'waiting'],
      'one that was not touched stays as it is',
    );
  });

  test('has failed if a service has not gone back', () => {
    begin();
    walk('a', 'waiting', 'updating');
    revert();
    walk('a', 'updating', 'reverting', 'failed');
    end();
    assert.equal(rotation().phase, 'failed');
  });

  for (const { what, meanwhile, expected, why } of [
    {
      what: 'a newer value that was stored meanwhile',
      meanwhile: (): void => void state.done(put('db', 'newest')),
      expected: ['old', 'new', 'newest'],
      why: /; version 3 was stored meanwhile, and stays$/,
    },
    {
      what: 'a value before that was destroyed meanwhile',
      meanwhile: (): void => apply({ kind: 'destroy', id: 'id-db', numbers: [1], at_ms: 8_000 }),
      expected: ['new'],
      why: /; version 1 is not there any more$/,
    },
    {
      what: 'a secret that was removed meanwhile',
      meanwhile: (): void => apply({ kind: 'remove', id: 'id-db' }),
      expected: [],
      why: /; the secret was removed meanwhile$/,
    },
  ]) {
    test(`goes back without ${what}, and says so`, () => {
      begin();
      meanwhile();
      revert();
      end();
      assert.deepEqual(versions(), expected);
      assert.deepEqual([rotation().phase, rotation().restoredVersion], ['failed', 0]);
      assert.match(rotation().problem, why);
    });
  }

  test('goes back without a value that does not open', () => {
    begin();
    revert(false);
    assert.deepEqual(versions(), ['old', 'new']);
    assert.match(rotation().problem, /the value before does not open/);
  });

  for (const [from, to] of [
    ['waiting', 'updated'],
    ['updating', 'updated'],
    ['waiting', 'reverting'],
    ['waiting', 'left-out'],
  ] as const) {
    test(`takes no service that waits from ${from} to ${to}`, () => {
      begin();
      refused(() => step('a', from, to), 'rotation.refused', /has gone on in another way/);
    });
  }

  test('takes no step forward once it goes back', () => {
    begin();
    step('a', 'waiting', 'updating');
    revert();
    refused(() => step('a', 'updating', 'updated'), 'rotation.refused', /in another way/);
    refused(() => step('b', 'waiting', 'updating'), 'rotation.refused', /in another way/);
  });

  test('is held up until a step is taken, or nothing is in the way any more', () => {
    const hold = (because: string, at_ms: number): void =>
      apply({ kind: 'hold-rotation', id: 'r', because, at_ms });
    const heldUp = (): readonly unknown[] => [rotation().heldAt_ms, rotation().heldBecause];
    begin();
    assert.deepEqual(heldUp(), [0, '']);
    hold('no answer', 7_100);
    hold('not a manager', 7_200);
    assert.deepEqual(heldUp(), [7_100, 'not a manager'], 'since it was held up first');
    hold('', 7_300);
    assert.deepEqual(heldUp(), [0, '']);
    hold('no answer', 7_400);
    step('a', 'waiting', 'updating', MARK);
    assert.deepEqual(heldUp(), [0, '']);
    hold('no answer', 7_500);
    revert();
    assert.deepEqual(heldUp(), [0, '']);
    hold('no answer', 8_100);
    walk('a', 'updating', 'reverting', 'reverted');
    hold('no answer', 8_200);
    end();
    assert.deepEqual([rotation().phase, ...heldUp()], ['rolled-back', 0, '']);
    refused(() => hold('no answer', 9_100), 'rotation.not-found', /no rotation r is under way/);
  });

  test('is refused while the secret is rotated, at another version, and without a way back', () => {
    begin();
    refused(() => begin('other'), 'rotation.busy', /secret db is being rotated already/);
    state.done(put('cache', 'a', { labels: { 'coffer.keep': '1' } }));
    refused(() => begin('other', { id: 'id-cache' }), 'rotation.refused', /keeps no version to go back to/);
    state.done(put('api', 'a'));
    refused(
      () => begin('other', { id: 'id-api', expect: 3 }),
      'secret.version-conflict',
      /at version 1, not 3/,
    );
    refused(() => begin('other', { id: 'id-none' }), 'secret.not-found', /not found/);
    begin('other', { id: 'id-api', expect: 1 });
  });

  test('is remembered among the last that have ended', () => {
    for (let count = 0; count < ROTATIONS_KEPT + 3; count += 1) {
      begin(`r${count}`, { services: [], at_ms: 7_000 + count });
    }
    const ids = state.index.cluster.rotations().map(({ id }) => id);
    assert.deepEqual([ids.length, ids[0], ids.at(-1)], [ROTATIONS_KEPT, 'r3', `r${ROTATIONS_KEPT + 2}`]);
  });
});
