// SPDX-License-Identifier: Apache-2.0
// Each rule by itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Command,
  currentVersion,
  DELIVERIES_KEPT,
  deliveryKey,
  VERSIONS_KEPT,
} from '../../../src/secrets/index.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { create, put, refusal, State } from './rules-harness.ts';

describe('the rules of the secrets', () => {
  test('a new secret has its value as version 1, and its name in its own letters', () => {
    const state = new State();
    assert.deepEqual(state.done(create('Name')), {
      id: 'id-Name',
      name: 'Name',
      labels: { a: 'b' },
      origin: 'gateway',
      pending: true,
      engine: undefined,
      versions: [{ number: 1, createdAt_ms: 5, size: 7 }],
      destroyed: [],
      createdAt_ms: 5,
      updatedAt_ms: 5,
      modifiedIndex: 1,
    });
    assert.equal(state.values.get('id-Name/1'), 'created');
  });

  test('a name is taken without regard to case, and free again after its removal', () => {
    const state = new State();
    state.done(create('Name'));
    assert.equal(refusal(state.apply(create('nAME', 'other'))), 'secret.exists');
    assert.equal(
      refusal(state.apply(create('other-name', 'id-Name'))),
      'secret.exists',
      'an id is taken too',
    );
    assert.equal(state.index.byName('NAME')?.id, 'id-Name');
    state.done({ kind: 'remove', id: 'id-Name' });
    assert.equal(state.values.size, 0, 'its values are gone');
    assert.equal(state.done(create('nAME', 'other')).versions[0]?.number, 1);
  });

  test('a put under any case of the name makes a version of that secret, which keeps id, name and origin', () => {
    const state = new State();
    state.done(create('Name'));
    const secret = state.done(put('NAME', 'second', { id: 'ignored', at_ms: 9 }));
    assert.deepEqual(
      [secret.id, secret.name, secret.origin, secret.labels],
      ['id-Name', 'Name', 'gateway', { a: 'b' }],
    );
    assert.deepEqual([secret.createdAt_ms, secret.updatedAt_ms, secret.modifiedIndex], [5, 9, 2]);
    assert.equal(state.values.get('id-Name/2'), 'second');
    assert.deepEqual(
      state.done(put('name', 'third', { labels: {} })).labels,
      {},
      'labels that are given replace all',
    );
  });

  test(`${VERSIONS_KEPT} versions are kept; numbers are never used twice`, () => {
    const state = new State();
    for (let number = 1; number <= 25; number += 1) {
      const secret = state.done(put('name', `value ${number}`));
      assert.equal(currentVersion(secret).number, number);
      const first = Math.max(1, number - VERSIONS_KEPT + 1);
      assert.deepEqual(
        secret.versions.map((version) => version.number),
        Array.from({ length: number - first + 1 }, (_, offset) => first + offset),
      );
      assert.equal(state.values.size, secret.versions.length);
    }
  });

  for (const [what, expect, current, outcome] of [
    ['no matter what', 'always', 0, 1],
    ['no matter what', 'always', 2, 3],
    ['if there is none', 'absent', 0, 1],
    ['if there is none', 'absent', 2, 2],
    ['onto version 0', 0, 0, 1],
    ['onto version 0', 0, 1, 'secret.version-conflict'],
    ['onto version 2', 2, 2, 3],
    ['onto version 2', 2, 3, 'secret.version-conflict'],
    ['onto version 2', 2, 0, 'secret.version-conflict'],
  ] as const) {
    test(`a put ${what}, when the current version is ${current}: ${outcome}`, () => {
      const state = new State();
      for (let version = 1; version <= current; version += 1) {
        state.done(put('name', `before ${version}`));
      }
      const came = state.apply(put('name', 'new', { expect }));
      const now =
        came.kind === 'refused' ? came.error.code : currentVersion(came.secret ?? assert.fail()).number;
      assert.equal(now, outcome);
      if (expect === 'absent' && current > 0) {
        assert.equal(state.values.get(`id-name/${current}`), `before ${current}`, 'what is there stays');
      }
    });
  }

  test('activation binds the engine, and labels change only in sequence', () => {
    const state = new State();
    state.done(create('name'));
    const engine = { secretId: 'engine-id', swarmId: 'swarm' };
    const active = state.done({ kind: 'activate', id: 'id-name', engine, at_ms: 6 });
    assert.deepEqual([active.pending, active.engine, active.modifiedIndex], [false, engine, 2]);
    const stale: Command = {
      kind: 'set-labels',
      id: 'id-name',
      labels: { c: 'd' },
      expectIndex: 1,
      at_ms: 7,
    };
    assert.equal(refusal(state.apply(stale)), 'secret.version-conflict');
    assert.deepEqual(state.done({ ...stale, expectIndex: 2 }).labels, { c: 'd' });
    assert.deepEqual(state.done({ ...stale, labels: {}, expectIndex: undefined }).labels, {});
  });

  test('what is not there cannot be changed or removed', () => {
    const state = new State();
    for (const command of [
      { kind: 'remove', id: 'x' },
      { kind: 'activate', id: 'x', engine: { secretId: 'e', swarmId: 's' }, at_ms: 1 },
      { kind: 'set-labels', id: 'x', labels: {}, expectIndex: undefined, at_ms: 1 },
    ] as const) {
      assert.equal(refusal(state.apply(command)), 'secret.not-found');
    }
  });

  test('bad names, sizes and labels are refused, whatever was checked before', () => {
    const state = new State();
    state.done(put('there'));
    const labels = { key: 'v'.repeat(600_000) };
    for (const [command, code] of [
      [put('-'), 'secret.name-invalid'],
      [put('new', ''), 'secret.value-size'],
      [put('new', 'v', { labels }), 'secret.label-invalid'],
      [put('there', ''), 'secret.value-size'],
      [put('there', 'v'.repeat(512_000)), 'secret.value-size'],
      [put('there', 'v', { labels }), 'secret.label-invalid'],
    ] as const) {
      assert.equal(refusal(state.apply(command)), code);
    }
    assert.equal(state.index.byName('there')?.versions.length, 1);
  });

  test(`the last ${DELIVERIES_KEPT.toLocaleString('en')} deliveries are remembered, the newer one for the same task`, () => {
    const state = new State();
    const deliver = (from: number, count: number, version = 1): void => {
      const deliveries = Array.from({ length: count }, (_, offset) =>
        deliveryOf(`t${from + offset}`, 's', version),
      );
      assert.equal(refusal(state.apply({ kind: 'record-deliveries', deliveries })), 'applied');
    };
    for (let from = 0; from < DELIVERIES_KEPT; from += 1_000) {
      deliver(from, 1_000);
    }
    assert.equal(state.index.deliveries.deliveredVersion('t0', 's'), 1);
    assert.equal(state.index.deliveries.deliveredVersion('t0', 'other'), undefined);
    deliver(500, 1, 7);
    assert.equal(state.index.deliveries.deliveredVersion('t0', 's'), undefined, 'the oldest gave way');
    assert.equal(state.index.deliveries.deliveredVersion('t500', 's'), 7);
    deliver(DELIVERIES_KEPT, 999);
    assert.equal(
      state.index.deliveries.deliveredVersion('t500', 's'),
      7,
      'its older slot gave way, its newer one did not',
    );
    assert.equal(state.index.deliveries.deliveredVersion('t999', 's'), undefined);
  });

  test('a delivery of a pinned version is remembered beside the one without a pin, and does not stand for it', () => {
    const state = new State();
    const { deliveries } = state.index;
    const deliver = (version: number, pinned: boolean): void => {
      const delivery = deliveryOf('t', 's', version, { pinned });
      const outcome = state.apply({ kind: 'record-deliveries', deliveries: [delivery] });
      assert.equal(refusal(outcome), 'applied');
    };
    const has = (version: number, pinned: boolean): boolean =>
      deliveries.versionUnder(deliveryKey(deliveryOf('t', 's', version, { pinned }))) === version;
    deliver(1, true);
    assert.equal(deliveries.deliveredVersion('t', 's'), undefined);
    deliver(3, false);
    deliver(2, true);
    assert.equal(deliveries.deliveredVersion('t', 's'), 3);
    assert.deepEqual([has(1, true), has(2, true), has(3, true)], [true, true, false]);
    assert.deepEqual([has(1, false), has(2, false), has(3, false)], [false, false, true]);
    deliver(4, false);
    assert.deepEqual([has(3, false), has(4, false)], [false, true], 'the later one counts');
    assert.deepEqual(
      deliveries.list().map(({ version }) => version),
      [1, 3, 2, 4],
      'all of them are listed, oldest first',
    );
  });
});
