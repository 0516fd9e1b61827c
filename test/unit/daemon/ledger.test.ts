// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LedgerEntry } from '../../../src/control/index.ts';
import { type TaskLedgerInput, taskEntries } from '../../../src/daemon/ledger.ts';
import {
  type EngineSecret,
  type EngineTask,
  TASK_STATES,
  type TaskState,
} from '../../../src/engine/index.ts';
import { newSealingKey, parseSealed } from '../../../src/sealing/index.ts';
import { type Delivery, type Secret, sealedDeliveryId } from '../../../src/secrets/index.ts';
import { deliveryOf } from '../../support/deliveries.ts';
import { sealedFor } from '../../support/sealed-values.ts';

function secret(name: string, versions: readonly number[]): Secret {
  return {
    id: `id-${name}`,
    name,
    labels: {},
    origin: 'control',
    pending: false,
    engine: undefined,
    versions: versions.map((number) => ({ number, createdAt_ms: 0, size: 1 })),
    destroyed: [],
    createdAt_ms: 0,
    updatedAt_ms: 0,
    modifiedIndex: 1,
  };
}

function engineSecret(id: string, name: string, labels: EngineSecret['labels'] = {}): EngineSecret {
  return { id, name, driver: 'coffer', labels, createdAt: '', versionIndex: 1 };
}

/** One that mounts the engine's secrets of these ids. */
function task(id: string, secretIds: readonly string[], rest: Partial<EngineTask> = {}): EngineTask {
  return {
    id,
    serviceId: 's1',
    nodeId: 'n1',
    state: 'running',
    desiredState: 'running',
    image: '',
    mounts: [],
    secrets: secretIds.map((secretId) => ({ id: secretId, name: `name-of-${secretId}` })),
    ...rest,
  };
}

/** db has versions 2 and 3, api has 1, and back has 3, which is 1 again; `gone` was removed, and `plain` is a secret of the engine's own. */
const SECRETS = [
  secret('db', [2, 3]),
  secret('api', [1]),
  { ...secret('back', []), versions: [{ number: 3, createdAt_ms: 0, size: 1, copyOf: 1 }] },
];
const TOKEN = sealedFor(newSealingKey('c'.repeat(25), 1), 'token', 'value');
const ENGINE_SECRETS = [
  engineSecret('e-db', 'db'),
  engineSecret('e-alias', 'db-again', { 'coffer.name': 'DB' }),
  engineSecret('e-old', 'db-old', { 'coffer.name': 'db', 'coffer.version': '2' }),
  engineSecret('e-previous', 'db-previous', { 'coffer.name': 'db', 'coffer.version': 'previous' }),
  engineSecret('e-api', 'api'),
  engineSecret('e-back', 'back'),
  engineSecret('e-gone', 'gone'),
  engineSecret('e-sealed', 'token', { 'coffer.sealed': TOKEN }),
];

function entriesOf(
  tasks: readonly EngineTask[],
  deliveries: readonly Delivery[],
  rest: Partial<TaskLedgerInput> = {},
): readonly LedgerEntry[] {
  return taskEntries({
    tasks,
    deliveries,
    services: [{ id: 's1', name: 'web', labels: {}, image: '', mounts: [], secrets: [] }],
    nodes: [{ id: 'n1', hostname: 'web-1', role: 'worker', labels: {} }],
    engineSecrets: ENGINE_SECRETS,
    secrets: {
      byId: (id) => SECRETS.find((one) => one.id === id),
      byName: (name) => SECRETS.find((one) => one.name === name.toLowerCase()),
    },
    ...rest,
  });
}

/** `db 3 current` of each, in order. */
function said(entries: readonly LedgerEntry[]): readonly string[] {
  return entries.map(({ pinned, sealed, secret: name, state, version }) =>
    [name, version ?? (sealed === undefined ? '?' : 'sealed'), state, ...(pinned ? ['pinned'] : [])].join(
      ' ',
    ),
  );
}

const db = (version: number, more: Partial<Delivery> = {}): Delivery =>
  deliveryOf('t', 'id-db', version, { name: 'db', ...more });

const token = (valueId: string): Delivery => deliveryOf('t', sealedDeliveryId(valueId), 0, { name: 'token' });

const CASES: readonly (readonly [string, readonly string[], readonly Delivery[], readonly string[]])[] = [
  ['was given the current version', ['e-db'], [db(3)], ['db 3 current']],
  ['was given an older one', ['e-db'], [db(2)], ['db 2 stale']],
  ['was given one that is not kept any more', ['e-db'], [db(1)], ['db 1 stale']],
  [
    'was given the version that the current one is a copy of',
    ['e-back'],
    [deliveryOf('t', 'id-back', 1, { name: 'back' })],
    ['back 1 current'],
  ],
  [
    'was given the version that was gone back from',
    ['e-back'],
    [deliveryOf('t', 'id-back', 2, { name: 'back' })],
    ['back 2 stale'],
  ],
  [
    'was given what is sealed now',
    ['e-sealed'],
    [token(parseSealed(TOKEN).valueId)],
    ['token sealed current'],
  ],
  ['was given what was sealed before', ['e-sealed'], [token('0'.repeat(16))], ['token sealed stale']],
  [
    'was given what was sealed before, and asked again when the label had changed',
    ['e-sealed'],
    [token('0'.repeat(16)), token(parseSealed(TOKEN).valueId)],
    ['token sealed stale'],
  ],
  ['mounts a sealed value that no delivery remembers', ['e-sealed'], [], ['token ? unknown']],
  ['was given a sealed value that it does not mount', [], [token('0'.repeat(16))], ['token sealed removed']],
  ['mounts nothing of coffer’s', ['plain'], [], []],
  ['was given a secret that no delivery remembers', ['e-db'], [], ['db ? unknown']],
  ['mounts one that there is not, and was never given it', ['e-gone'], [], ['gone ? unknown']],
  ['mounts one secret by two names', ['e-db', 'e-alias'], [db(2)], ['db 2 stale']],
  ['mounts one by another name, unremembered', ['e-alias'], [], ['db ? unknown']],
  [
    'mounts a version that is pinned, and the current one',
    ['e-old', 'e-db'],
    [db(2, { pinned: true }), db(3)],
    ['db 2 stale pinned', 'db 3 current'],
  ],
  ['pins the current version', ['e-old'], [db(3, { pinned: true })], ['db 3 current pinned']],
  [
    'mounts the previous version, which was another one by the time it was asked for again',
    ['e-previous'],
    [db(1, { pinned: true }), db(2, { pinned: true })],
    ['db 1 stale pinned'],
  ],
  [
    'mounts two versions that are pinned',
    ['e-old', 'e-previous'],
    [db(2, { pinned: true }), db(1, { pinned: true }), db(3, { pinned: true })],
    ['db 2 stale pinned', 'db 1 stale pinned'],
  ],
  [
    'was given pinned versions by labels that have changed since',
    ['e-db'],
    [db(1, { pinned: true }), db(2, { pinned: true })],
    ['db 1 stale pinned', 'db 2 stale pinned'],
  ],
  [
    'was given another version later, which its files do not follow',
    ['e-db'],
    [db(1), db(3)],
    ['db 1 stale'],
  ],
  [
    'was given a secret that was removed',
    ['e-gone'],
    [deliveryOf('t', 'id-gone', 4, { name: 'gone' })],
    ['gone 4 removed'],
  ],
  [
    'was given one that was removed, and has a namesake since',
    ['e-db'],
    [deliveryOf('t', 'id-before', 3, { name: 'db' }), db(3)],
    ['db 3 removed'],
  ],
  [
    'holds what its service mounts no more, and the engine has no more',
    [],
    [deliveryOf('t', 'id-api', 1, { name: 'api' })],
    ['api 1 current'],
  ],
  ['has two secrets, one unremembered', ['e-db', 'e-api'], [db(3)], ['db 3 current', 'api ? unknown']],
];

describe('the ledger of tasks', () => {
  for (const [what, mounted, deliveries, expected] of CASES) {
    test(`tells of a task that ${what}`, () => {
      assert.deepEqual(said(entriesOf([task('t', mounted)], deliveries)), expected);
    });
  }

  test('says all that is known of a task', () => {
    assert.deepEqual(entriesOf([task('t', ['e-db'])], [db(2, { at_ms: 7 })]), [
      {
        secret: 'db',
        version: 2,
        current: 3,
        state: 'stale',
        pinned: false,
        via: 'secret',
        service: { id: 's1', name: 'web' },
        task: 't',
        node: { id: 'n1', hostname: 'web-1' },
        givenAt_ms: 7,
      },
    ]);
  });

  test('tells what the namesake of a removed secret is at', () => {
    const [entry] = entriesOf([task('t', [])], [deliveryOf('t', 'id-before', 1, { name: 'db' })]);
    assert.deepEqual([entry?.state, entry?.current], ['removed', 3]);
  });

  test('has tasks from when they are assigned until they have ended, also those that are to end', () => {
    const holding: readonly TaskState[] = [
      'assigned',
      'accepted',
      'preparing',
      'ready',
      'starting',
      'running',
    ];
    for (const state of TASK_STATES) {
      for (const desiredState of ['running', 'shutdown', 'remove'] as const) {
        const entries = entriesOf([task('t', ['e-db'], { state, desiredState })], [db(3)]);
        assert.equal(entries.length, holding.includes(state) ? 1 : 0, `${state}, to be ${desiredState}`);
      }
    }
    assert.deepEqual(entriesOf([task('t', ['e-db'], { state: 'assigned', nodeId: '' })], []), []);
  });

  test('keeps tasks apart, and leaves out what was given to those that are no more', () => {
    const tasks = [task('t', ['e-db']), task('u', ['e-db'], { serviceId: 'removed', nodeId: 'removed' })];
    const deliveries = [db(2), db(3, { taskId: 'u' }), db(1, { taskId: 'ended' })];
    const entries = entriesOf(tasks, deliveries);
    assert.deepEqual(
      entries.map((entry) => [entry.task, entry.version, entry.service?.name, entry.node.hostname]),
      [
        ['t', 2, 'web', 'web-1'],
        ['u', 3, '', ''],
      ],
    );
  });
});
